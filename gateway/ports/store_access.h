#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/ports/store_approvals.h"
#include "gateway/ports/store_records.h"

/// Rights for a time: who has asked for them, and what became of it. Errors are those of ports/store.h.
namespace dbgate::ports::store {

struct AccessFilter {
  std::optional<AccessState> state;
  std::string user;    ///< empty: all
  std::string target;  ///< empty: all
};

class Access {
 public:
  virtual ~Access() = default;
  /// Asks, with the approval that it needs: both or neither. With break-glass it is in force at once, and the approval
  /// is its review. @param request  its id, if it has one, stays; state, times and revision are the store's to fill in
  virtual Result<AccessRequest> create_access(const AccessRequest& request, const Approval& approval,
                                              Micros now_us) = 0;
  /// As it is by `now_us`: one whose time is over has ended, whatever the row says.
  virtual Result<std::optional<AccessRequest>> find_access(std::string_view id, Micros now_us) = 0;
  virtual Result<std::optional<AccessRequest>> find_access_of(std::string_view approval, Micros now_us) = 0;
  /// By id, which is by time of creation.
  virtual Result<Listed<AccessRequest>> list_access(const AccessFilter& filter, const Page& page, Micros now_us) = 0;
  /// Ends one that is in force, or that nobody has decided on. Errors: 02000, 55000 it has ended.
  virtual Result<AccessRequest> end_access(std::string_view id, const Ending& why, Micros now_us) = 0;
  /// Notes the end of those whose time is over: of all gateways that ask one is told of each.
  virtual Result<std::vector<AccessRequest>> end_over(Micros now_us) = 0;
};

}  // namespace dbgate::ports::store
