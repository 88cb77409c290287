#pragma once
#include <string>

#include "config/loader.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::session {

/// The policies of one configuration, as a gateway that is never reloaded has them.
class Fixed final : public PolicySource {
 public:
  explicit Fixed(const std::string& rules, const std::string& kind = "person")
      : policies_(
            *config::load_text("version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x', kind: " + kind +
                                   " } ]\n"
                                   "targets: { shop: { upstream: { hosts: [db], database: shop, user: d } } }\n"
                                   "policies:\n  - { name: p, who: { users: [u] }, on: [shop], " +
                                   rules + " }\n",
                               "test.yaml", "/")
                 .config) {}
  std::uint64_t version() const override { return 1; }
  PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                  std::int64_t now) const override {
    const policy::TimedGrants timed = policies_.grants_at(user, target, now);
    PolicyView view;
    view.grants = timed.grants;
    view.names.search_path = {"public"};
    view.names.database = database;
    view.version = 1;
    view.from = timed.from;
    view.until = timed.until;
    view.burst = burst;
    view.model = model;
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

  std::shared_ptr<Burst> burst;             ///< of everybody; null: nobody counts
  std::shared_ptr<ports::RiskModel> model;  ///< null: rules have the last word

 private:
  policy::PolicySet policies_;
};

inline Judged judge(PolicyJudge& judge, std::string_view text) {
  return judge.judge(*judge.analyze(text), {}, {}, 0);
}

}  // namespace dbgate::session
