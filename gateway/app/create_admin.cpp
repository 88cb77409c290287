#include "gateway/app/create_admin.h"

#include <algorithm>
#include <ostream>

#include "config/loader.h"
#include "gateway/adapters/argon2_passwords.h"
#include "gateway/adapters/store/open_store.h"
#include "gateway/app/admin_core.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

constexpr const char* by_whom = "create-admin";

Result<> ensure_person(store::Store& store, const std::string& name) {
  DBGATE_TRY(auto found, store.users().find_user(name));
  if (!found) {
    store::NewUser wish;
    wish.user.name = name;
    DBGATE_CHECK(store.users().create_user(wish, wall_us()));
    return boost::system::in_place_value;
  }
  if (found->kind != store::UserKind::person || found->source != store::Source::local) {
    return Error(sqlstate::invalid_parameter_value, "\"" + name + "\" is no person whose password dbgate keeps");
  }
  if (found->state == store::UserState::active) return boost::system::in_place_value;
  found->state = store::UserState::active;
  DBGATE_CHECK(store.users().update_user(*found, {"password_changed", by_whom}, wall_us()));
  return boost::system::in_place_value;
}

Result<std::string> make_administrator(const config::Config& config, const std::string& name) {
  const auto of_file = [&name](const config::User& user) { return user.name == name; };
  if (std::any_of(config.users.begin(), config.users.end(), of_file)) {
    return Error(sqlstate::feature_not_supported, "the configuration file has the user \"" + name + "\"",
                 "give it the role there: roles: { admin: { users: [" + name + "] } }");
  }
  if (!store::valid_name(name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a user");
  DBGATE_TRY(const auto store, adapters::store::open_store(config));
  DBGATE_CHECK(ensure_person(*store, name));
  DBGATE_TRY(const auto hasher, adapters::make_argon2_passwords(config.passwords));
  identity::PasswordSignIn passwords(config.sign_in, *store, *hasher, {});
  DBGATE_TRY(std::string text, passwords.reset(name, by_whom, wall_us()));
  DBGATE_CHECK(store->sign_ins().remove_totp(name, wall_us()));
  DBGATE_CHECK(store->users().grant_role({store::SubjectKind::user, name, "admin"}, wall_us()));
  return text;
}

}  // namespace

int create_admin(const std::string& name, const std::string& config_path, std::ostream& out, std::ostream& errors) {
  const config::Loaded loaded = config::load_file(config_path);
  for (const config::Problem& problem : loaded.problems)
    errors << problem.line_text() << '\n';
  if (!loaded.config) return 1;
  const auto made = make_administrator(*loaded.config, name);
  if (!made) {
    const Error why = made.error();
    errors << "dbgate-gateway: " << why.message() << '\n';
    if (!why.hint().empty()) errors << "  hint: " << why.hint() << '\n';
    return 1;
  }
  errors << "The administrator \"" << name << "\" signs in with this password once, and chooses another then:\n";
  out << *made << '\n';
  return 0;
}

}  // namespace dbgate::app
