#include "gateway/app/admin_targets.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "gateway/adapters/pg_probe.h"
#include "gateway/adapters/pg_script.h"
#include "gateway/app/preparation.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;
namespace store = ports::store;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds longest_test{10};
constexpr std::chrono::minutes longest_preparation{1};

/// Settings as they are kept, and what the wish says of the password.
struct Settings {
  json::object kept;
  store::PasswordUpdate update = store::PasswordUpdate::keep;
  std::optional<std::string> password;
};

Result<Settings> read(const std::string& text) {
  Settings settings;
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) return Error(sqlstate::invalid_parameter_value, "settings are a JSON object");
  settings.kept = parsed.as_object();
  json::value* const upstream = settings.kept.if_contains("upstream");
  if (upstream == nullptr || !upstream->is_object()) return settings;
  const json::value* const password = upstream->as_object().if_contains("password");
  if (password == nullptr) return settings;
  if (password->is_string()) {
    settings.update = store::PasswordUpdate::set;
    settings.password = std::string(password->as_string());
  } else if (password->is_null()) {
    settings.update = store::PasswordUpdate::remove;
  } else {
    return Error(sqlstate::invalid_parameter_value, "upstream.password is a text, or null");
  }
  upstream->as_object().erase("password");
  return settings;
}

// Where a kept password would be sent, and how safely. Whoever may change this without knowing the password could have
// it sent to a server of his own.
json::value where_password_goes(const std::string& text) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) return nullptr;
  const json::value* const upstream = parsed.as_object().if_contains("upstream");
  return upstream == nullptr ? json::value() : *upstream;
}

std::vector<ports::TextProblem> problems_of(const std::vector<config::Problem>& problems) {
  std::vector<ports::TextProblem> all;
  for (const config::Problem& problem : problems)
    all.push_back({problem.line, problem.column, problem.warning, problem.text});
  return all;
}

ports::TargetView view_of(store::Target target) {
  ports::TargetView view;
  view.has_password = target.password.has_value() || target.password_unreadable;
  target.password.reset();
  view.target = std::move(target);
  return view;
}

}  // namespace

Result<ports::TargetView> AdminTargets::find_target(const std::string& name) {
  if (core_.file_has_target(name)) {
    ports::TargetView view;
    view.target.name = name;
    view.of_file = true;
    return view;
  }
  DBGATE_TRY(store::Target target, stored_target(name));
  return view_of(std::move(target));
}

Result<store::Target> AdminTargets::stored_target(const std::string& name) {
  if (core_.file_has_target(name)) return managed_by_configuration("the target \"" + name + "\"");
  DBGATE_TRY(auto found, core_.store().objects().find_target(name));
  if (!found) return Error(sqlstate::no_data, "there is no target \"" + name + "\"");
  return std::move(*found);
}

Result<ports::Checked<ports::TargetView>> AdminTargets::create_target(const ports::Actor& actor,
                                                                      const ports::TargetWish& wish) {
  if (!store::valid_name(wish.name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a target");
  if (core_.file_has_target(wish.name)) return managed_by_configuration("the target \"" + wish.name + "\"");
  DBGATE_TRY(const Settings settings, read(wish.settings));
  store::Target target;
  target.name = wish.name;
  target.settings = json::serialize(settings.kept);
  target.password = settings.password;
  ports::Checked<ports::TargetView> checked;
  checked.problems = problems_of(
      config::check_target(*core_.file(), {target.name, target.settings, target.password}, core_.directory()));
  if (checked.refused()) return checked;
  DBGATE_CHECK(core_.record(actor, "target.create", wish.name));
  DBGATE_TRY(target, core_.store().objects().create_target(target, wall_us()));
  checked.value = view_of(std::move(target));
  checked.value.has_password = settings.password.has_value();
  return checked;
}

Result<ports::Checked<ports::TargetView>> AdminTargets::change_target(const ports::Actor& actor,
                                                                      const ports::TargetWish& wish) {
  DBGATE_TRY(store::Target target, stored_target(wish.name));
  DBGATE_TRY(const Settings settings, read(wish.settings));
  const bool had_password = target.password.has_value() || target.password_unreadable;
  const std::string before = target.settings;
  target.settings = json::serialize(settings.kept);
  target.revision = wish.revision;
  if (settings.update != store::PasswordUpdate::keep) target.password = settings.password;
  const bool elsewhere = where_password_goes(before) != where_password_goes(target.settings);
  if (had_password && elsewhere && settings.update == store::PasswordUpdate::keep) {
    return Error(sqlstate::invalid_parameter_value,
                 "who changes the server of a target gives its password anew: upstream.password");
  }
  ports::Checked<ports::TargetView> checked;
  checked.problems = problems_of(
      config::check_target(*core_.file(), {target.name, target.settings, target.password}, core_.directory()));
  if (checked.refused()) return checked;
  DBGATE_CHECK(core_.record(actor, "target.change", wish.name,
                            {{"password", settings.update == store::PasswordUpdate::keep ? "kept" : "changed"}}));
  DBGATE_TRY(target, core_.store().objects().update_target(target, settings.update, wall_us()));
  checked.value = view_of(std::move(target));
  checked.value.has_password =
      settings.update == store::PasswordUpdate::keep ? had_password : settings.password.has_value();
  return checked;
}

// A policy that names it would come to nothing without a word, and come back for another target of that name.
Result<> AdminTargets::remove_target(const ports::Actor& actor, const std::string& name, std::int64_t revision) {
  DBGATE_CHECK(stored_target(name));
  DBGATE_TRY(const auto active, core_.store().objects().active_policy());
  config::Extension extension;
  if (active) extension.policies = active->text;
  const config::Extended whole = config::extend(*core_.file(), extension, core_.directory());
  for (const config::Policy& policy : whole.config.policies) {
    if (std::find(policy.targets.begin(), policy.targets.end(), name) == policy.targets.end()) continue;
    return Error(sqlstate::object_not_in_prerequisite_state,
                 "policy \"" + policy.name + "\" names the target \"" + name + "\"");
  }
  DBGATE_CHECK(core_.record(actor, "target.remove", name));
  return core_.store().objects().remove_target(name, revision, wall_us());
}

Result<config::Target> AdminTargets::usable_target(const std::string& name) {
  config::Config whole = *core_.file();
  if (!core_.file_has_target(name)) {
    DBGATE_TRY(const store::Target stored, stored_target(name));
    if (stored.password_unreadable) {
      return Error(sqlstate::object_not_in_prerequisite_state, "no encryption key opens the password of this target");
    }
    config::Extension extension;
    extension.targets.push_back({stored.name, stored.settings, stored.password});
    whole = config::extend(std::move(whole), extension, core_.directory()).config;
  }
  for (const config::Target& target : whole.targets)
    if (target.name == name) return target;
  return Error(sqlstate::object_not_in_prerequisite_state, "the settings of this target have errors");
}

Result<ports::TargetTest> AdminTargets::test_target(const ports::Actor& actor, const std::string& name) {
  DBGATE_TRY(const config::Target target, usable_target(name));
  DBGATE_CHECK(core_.record(actor, "target.test", name));
  if (target.engine != config::EngineKind::postgresql) {
    return Error(sqlstate::invalid_parameter_value, "only PostgreSQL targets can be tested");
  }
  const auto begin = Clock::now();
  const auto entered = adapters::probe_server(target.upstream, longest_test);
  ports::TargetTest test;
  test.elapsed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
  test.ok = entered.has_value();
  if (!entered) {
    const Error why = entered.error();
    test.detail = why.message();
    return test;
  }
  test.server_version = entered->server_version;
  test.tls = entered->tls;
  return test;
}

Result<config::Target> AdminTargets::preparable_target(const std::string& name) {
  DBGATE_TRY(config::Target target, usable_target(name));
  if (target.engine == config::EngineKind::postgresql) return target;
  return Error(sqlstate::invalid_parameter_value, "only PostgreSQL targets can be prepared");
}

Result<ports::TargetPreparation> AdminTargets::preparation(const std::string& name) {
  DBGATE_TRY(const config::Target target, preparable_target(name));
  return ports::TargetPreparation{preparation_sql(target.upstream.user), preparation_undo_sql()};
}

Result<> AdminTargets::prepare_target(const ports::Actor& actor, const std::string& name, const std::string& database,
                                      bool undo) {
  DBGATE_TRY(const config::Target target, preparable_target(name));
  const auto& further = target.databases;
  const bool own = database.empty() || database == target.upstream.database;
  if (!own && std::find(further.begin(), further.end(), database) == further.end()) {
    return Error(sqlstate::invalid_parameter_value, "the target has no database \"" + database + "\"");
  }
  const std::string& where = own ? target.upstream.database : database;
  DBGATE_CHECK(core_.record(actor, undo ? "target.unprepare" : "target.prepare", name, {{"database", where}}));
  const std::string sql = undo ? preparation_undo_sql() : preparation_sql(target.upstream.user);
  const auto ran = adapters::run_script(target.upstream, where, sql, longest_preparation);
  if (ran || ran.error().code() != sqlstate::object_not_in_prerequisite_state) return ran;
  const Error why = ran.error();
  return Error(why.code(), why.message() +
                               ": the gateway's account has to own the tables, or somebody who does runs "
                               "what dbgate target prepare prints");
}

}  // namespace dbgate::app
