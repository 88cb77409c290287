#pragma once
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "gateway/policy/engine.h"

// Rights for a time (docs/access.md): who may ask for what, and what a grant comes to.
namespace dbgate::policy {

/// What somebody asks for.
struct Wish {
  std::string_view user;
  std::string_view target;
  std::span<const std::string> tables;  ///< patterns, as rules have them
  std::span<const std::string> verbs;
  std::chrono::seconds time{0};
  bool break_glass = false;
  bool has_ticket = false;
};

/// The first offer that covers all of a wish, or why none does.
struct Offered {
  const config::AccessOffer* offer = nullptr;  ///< of the configuration that was asked
  std::string why_not;                         ///< for people; names nothing that the user is not offered
};
Offered find_offer(const config::Config& config, const Wish& wish);

/// Whether the user is one of those whom the offer is for; by break-glass: of those who may do that.
bool is_for(const config::Config& config, const config::AccessOffer& offer, std::string_view user, bool break_glass);

/// Whether everything that `wanted` names is named by one of `offered`.
bool covers(std::span<const config::TablePattern> offered, const config::TablePattern& wanted);

/// What the configuration's grants come to for one user on one target; null: there are none. A grant that its offer
/// would not give any more counts for nothing, and none counts for longer than its offer lets it.
std::shared_ptr<const Temporary> temporary_rights(const config::Config& config,
                                                  std::span<const config::AccessGrant> grants, std::string_view user,
                                                  std::string_view target);

}  // namespace dbgate::policy
