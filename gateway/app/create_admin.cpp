#include "gateway/app/create_admin.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "config/loader.h"
#include "gateway/adapters/argon2_passwords.h"
#include "gateway/adapters/file_audit.h"
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

// Who the operating system says runs this; the number if it knows no name.
std::string os_user() {
  constexpr std::size_t room = 4096;
  std::array<char, room> texts{};
  passwd entry{};
  passwd* found = nullptr;
  const uid_t id = ::getuid();
  if (::getpwuid_r(id, &entry, texts.data(), texts.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(id);
}

// In a chain of its own: the gateway may be running, and its chains are its own.
Result<> record(const config::Config& config, const std::string& name) {
  adapters::FileAuditOptions options;
  options.directory = config.state_dir + "/audit";
  options.segment_bytes = config.audit.segment_bytes;
  options.segment_max_age = config.audit.segment_max_age;
  options.sync = config.audit.durability == config::Durability::sync;
  options.lock_name = "lock.local";
  DBGATE_TRY(const auto log, adapters::open_file_audit(options));
  DBGATE_TRY(const auto chain, log->open_chain("local", ports::Pace::rare));
  return append_change(*chain, {by_whom, {}, {}}, "administrator.create", name, {{"os.user", os_user()}});
}

Result<std::string> make_administrator(const config::Config& config, const std::string& name) {
  const auto of_file = [&name](const config::User& user) { return user.name == name; };
  if (std::any_of(config.users.begin(), config.users.end(), of_file)) {
    return Error(sqlstate::feature_not_supported, "the configuration file has the user \"" + name + "\"",
                 "give it the role there: roles: { admin: { users: [" + name + "] } }");
  }
  if (!store::valid_name(name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a user");
  DBGATE_TRY(const auto hasher, adapters::make_argon2_passwords(config.passwords));
  DBGATE_TRY(const auto store, adapters::store::open_store(config));
  DBGATE_CHECK(record(config, name));
  DBGATE_CHECK(ensure_person(*store, name));
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
