#include "gateway/policy/access.h"

#include <algorithm>

#include "config/loader.h"
#include "gateway/policy/grants.h"

namespace dbgate::policy {
namespace {

bool has(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool is_among(const config::Config& config, const std::vector<std::string>& users,
              const std::vector<std::string>& groups, std::string_view user) {
  if (has(users, user)) return true;
  return std::any_of(groups.begin(), groups.end(), [&](const std::string& group) {
    const auto members = config.groups.find(group);
    return members != config.groups.end() && has(members->second, user);
  });
}

bool covers_one(const config::TablePattern& offered, const config::TablePattern& wanted) {
  const bool any_schema = offered.schema == "*" && !RuleSet::is_system_schema(wanted.schema);
  if (!any_schema && offered.schema != wanted.schema) return false;
  if (offered.name != "*" && offered.name != wanted.name) return false;
  if (offered.columns.empty()) return true;
  return !wanted.columns.empty() &&
         std::all_of(wanted.columns.begin(), wanted.columns.end(),
                     [&](const std::string& column) { return has(offered.columns, column); });
}

std::string in_words(std::chrono::seconds time) {
  const auto count = time.count();
  if (count % 3600 == 0) return std::to_string(count / 3600) + "h";
  if (count % 60 == 0) return std::to_string(count / 60) + "m";
  return std::to_string(count) + "s";
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

// Empty: it does.
std::string why_not_covered(const config::AccessOffer& offer, std::span<const std::string> tables,
                            std::span<const std::string> verbs) {
  for (const std::string& text : tables) {
    config::TablePattern wanted;
    if (!config::parse_table_pattern(text, wanted)) {
      return quoted(text) + " is not a table; write schema.table, \"schema.table(column, column)\" or \"schema.*\"";
    }
    if (!covers(offer.tables, wanted)) return quoted(offer.name) + " does not offer " + text;
  }
  for (const std::string& verb : verbs)
    if (!has(offer.verbs, verb)) return quoted(offer.name) + " does not offer " + verb;
  return {};
}

std::string why_not(const config::AccessOffer& offer, const Wish& wish) {
  std::string why = why_not_covered(offer, wish.tables, wish.verbs);
  if (!why.empty()) return why;
  const std::chrono::seconds longest = wish.break_glass ? offer.break_glass.longest : offer.longest;
  if (wish.time > longest) return quoted(offer.name) + " gives access for " + in_words(longest) + " at most";
  if (offer.needs_ticket && !wish.has_ticket) return quoted(offer.name) + " asks for a ticket";
  return {};
}

std::shared_ptr<const config::Rule> rule_of(const config::AccessOffer& offer, const config::AccessGrant& grant) {
  auto rule = std::make_shared<config::Rule>(offer.rule);
  std::vector<config::TablePattern> patterns(grant.tables.size());
  for (std::size_t i = 0; i < patterns.size(); ++i)
    if (!config::parse_table_pattern(grant.tables[i], patterns[i])) return nullptr;
  for (const std::string& verb : grant.verbs)
    rule->tables[verb] = patterns;
  return rule;
}

const config::AccessOffer* offer_of(const config::Config& config, const config::AccessGrant& grant) {
  const auto found = std::find_if(config.offers.begin(), config.offers.end(),
                                  [&](const config::AccessOffer& offer) { return offer.name == grant.offer; });
  if (found == config.offers.end() || !has(found->targets, grant.target)) return nullptr;
  if (!is_for(config, *found, grant.user, grant.break_glass)) return nullptr;
  return why_not_covered(*found, grant.tables, grant.verbs).empty() ? &*found : nullptr;
}

void add_principal(const config::Config& config, std::string_view user, std::string_view target, Temporary& rights) {
  for (const config::User& one : config.users) {
    if (one.name != user) continue;
    rights.attributes = one.attributes;
    rights.kind = one.kind;
  }
  rights.attributes.try_emplace("name", user);
  for (const config::Target& one : config.targets)
    if (one.name == target) rights.target = {one.sensitive, one.gate};
}

}  // namespace

bool covers(std::span<const config::TablePattern> offered, const config::TablePattern& wanted) {
  return std::any_of(offered.begin(), offered.end(),
                     [&](const config::TablePattern& one) { return covers_one(one, wanted); });
}

bool is_for(const config::Config& config, const config::AccessOffer& offer, std::string_view user, bool break_glass) {
  if (!is_among(config, offer.users, offer.groups, user)) return false;
  if (!break_glass) return offer.approval != nullptr;
  const config::BreakGlass& glass = offer.break_glass;
  if (!glass.review) return false;
  return (glass.users.empty() && glass.groups.empty()) || is_among(config, glass.users, glass.groups, user);
}

Offered find_offer(const config::Config& config, const Wish& wish) {
  Offered found;
  for (const config::AccessOffer& offer : config.offers) {
    if (!has(offer.targets, wish.target) || !is_for(config, offer, wish.user, wish.break_glass)) continue;
    std::string why = why_not(offer, wish);
    if (why.empty()) return {&offer, {}};
    if (found.why_not.empty()) found.why_not = std::move(why);
  }
  if (found.why_not.empty()) {
    found.why_not = "nothing on " + quoted(std::string(wish.target)) + " is offered to you" +
                    (wish.break_glass ? " by break-glass" : " on request");
  }
  return found;
}

std::shared_ptr<const Temporary> temporary_rights(const config::Config& config,
                                                  std::span<const config::AccessGrant> grants, std::string_view user,
                                                  std::string_view target) {
  auto rights = std::make_shared<Temporary>();
  for (const config::AccessGrant& grant : grants) {
    if (grant.user != user || grant.target != target) continue;
    const config::AccessOffer* const offer = offer_of(config, grant);
    if (offer == nullptr) continue;
    const std::int64_t longest = (grant.break_glass ? offer->break_glass.longest : offer->longest).count();
    auto rule = rule_of(*offer, grant);
    if (rule)
      rights->rights.push_back({std::move(rule), grant.id, grant.from, std::min(grant.until, grant.from + longest)});
  }
  if (rights->rights.empty()) return nullptr;
  add_principal(config, user, target, *rights);
  return rights;
}

}  // namespace dbgate::policy
