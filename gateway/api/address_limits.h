#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace dbgate::api {

/// Counts connections, in all and of each address. One thread.
class AddressLimits {
 public:
  /// While it lives, a connection counts.
  class Slot {
   public:
    Slot(AddressLimits& limits, std::string group) : limits_(&limits), group_(std::move(group)) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { release(); }
    /// It counts no longer: somebody else limits it from here on.
    void release() noexcept;

   private:
    AddressLimits* limits_;
    std::string group_;
  };

  /// @param most, most_of_one  0: no limit
  /// @return null if there is no room
  std::shared_ptr<Slot> take(const std::string& address, std::size_t most, std::size_t most_of_one);
  std::size_t size() const noexcept { return all_; }

 private:
  std::map<std::string, std::size_t> counts_;
  std::size_t all_ = 0;
};

}  // namespace dbgate::api
