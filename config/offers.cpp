#include <algorithm>

#include "config/reader.h"

// `requests`: rights that people may ask for, for a time.
namespace dbgate::config {
namespace {

constexpr std::chrono::hours longest_ever{30 * 24};

void read_longest(const Value& value, std::chrono::seconds& target) {
  Milliseconds time = target;
  const std::size_t before = value.problems();
  value.read(time);
  if (value.problems() != before) return;
  if (time < std::chrono::seconds(1) || time > longest_ever) return value.error("must be 1s to 720h");
  target = std::chrono::duration_cast<std::chrono::seconds>(time);
}

void read_who(const Value& who, std::vector<std::string>& users, std::vector<std::string>& groups,
              const Config& config) {
  who.expect_keys({"users", "groups"});
  who["users"].read(users);
  who["groups"].read(groups);
  check_principals(who, users, groups, config);
}

void read_break_glass(const Value& value, BreakGlass& glass, const Config& config) {
  if (!value.present()) return;
  value.expect_keys({"who", "longest", "review"});
  if (!value.is_map()) return;
  read_who(value["who"], glass.users, glass.groups, config);
  read_longest(value["longest"], glass.longest);
  read_agreement(value["review"], glass.review, config);
  if (!value["review"].present()) {
    value.error("needs review: who looks at it afterwards, such as review: { from: { groups: [security] } }");
  }
}

void read_verbs(const Value& list, std::vector<std::string>& verbs) {
  list.read(verbs);
  const auto kinds = statement_kinds();
  const std::vector<std::string> known(kinds.begin(), kinds.end());
  for (const std::string& verb : verbs) {
    if (std::find(known.begin(), known.end(), verb) != known.end()) continue;
    const std::string near = nearest(verb, known);
    list.error("\"" + verb + "\" is not a kind of statement" +
               (near.empty() ? ", such as select or update" : "; did you mean \"" + near + "\"?"));
  }
}

void read_conditions(const Value& value, AccessOffer& offer) {
  const Value require = value["require"];
  require.expect_keys({"where", "max_rows", "reason", "ticket"});
  if (!require.is_map()) return;
  require["where"].read(offer.rule.require_where);
  constexpr std::size_t most_rows = 1'000'000'000;
  require["max_rows"].read_count(offer.rule.max_rows, most_rows);
  require["reason"].read(offer.rule.require_reason);
  require["ticket"].read(offer.needs_ticket);
}

void read_offer(const Value& value, const Config& config, AccessOffer& offer) {
  value.expect_keys({"name", "who", "on", "tables", "verbs", "functions", "types", "descendants", "introspection",
                     "require", "longest", "approval", "break_glass"});
  value["name"].read(offer.name);
  if (offer.name.empty()) value.error("needs a name");
  read_who(value["who"], offer.users, offer.groups, config);
  if (offer.users.empty() && offer.groups.empty()) value.error("needs who: users or groups");
  value["on"].read(offer.targets);
  if (offer.targets.empty()) value.error("needs on: a list of targets");
  check_names(value["on"], offer.targets, target_names(config), "target");
  read_tables(value["tables"], offer.tables);
  value["tables"].each([&offer](const Value& table) { table.read(offer.written.emplace_back()); });
  if (!value["tables"].present()) value.error("needs tables: what may be asked for at most, such as [public.orders]");
  read_verbs(value["verbs"], offer.verbs);
  if (offer.verbs.empty()) value.error("needs verbs: what may be done at most, such as [select, update]");
  read_companions(value, offer.rule);
  bool introspection = false;
  value["introspection"].read(introspection);
  if (introspection) offer.rule.packs.emplace_back("introspection");
  read_conditions(value, offer);
  read_longest(value["longest"], offer.longest);
  read_agreement(value["approval"], offer.approval, config);
  read_break_glass(value["break_glass"], offer.break_glass, config);
  if (!value["approval"].present() && !value["break_glass"].present()) {
    value.error("needs approval: who has to agree, such as approval: { from: { groups: [leads] } }; or break_glass");
  }
}

}  // namespace

void read_offers(const Value& list, Config& config) {
  if (list.present()) warn_without_store(list, config);
  list.each([&](const Value& value) {
    AccessOffer offer;
    read_offer(value, config, offer);
    const bool twice = std::any_of(config.offers.begin(), config.offers.end(),
                                   [&](const AccessOffer& other) { return other.name == offer.name; });
    if (twice && !offer.name.empty()) value["name"].error("\"" + offer.name + "\" is defined twice");
    config.offers.push_back(std::move(offer));
  });
}

}  // namespace dbgate::config
