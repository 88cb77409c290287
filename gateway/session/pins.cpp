#include "gateway/session/pins.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace dbgate::session {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Pin::count_)> pin_names = {
    "temporary object", "advisory lock", "cursor WITH HOLD", "PREPARE", "LOAD", "role", "settings", "dblink"};

void add(Pins& pins, Pin pin) {
  pins.set(static_cast<std::size_t>(pin));
}

bool temporary(const sql::QualifiedName& name) {
  return name.schema.starts_with("pg_temp");
}

void add_of_function(Pins& pins, const sql::FunctionUse& use) {
  static constexpr std::array<std::string_view, 4> locks = {"pg_advisory_lock", "pg_advisory_lock_shared",
                                                            "pg_try_advisory_lock", "pg_try_advisory_lock_shared"};
  const std::string& name = use.name.name;
  if (std::find(locks.begin(), locks.end(), name) != locks.end()) add(pins, Pin::advisory_lock);
  if (name == "set_config" && !use.sets) add(pins, Pin::settings);
  if (name.starts_with("dblink_connect")) add(pins, Pin::foreign_session);
  if (temporary(use.name)) add(pins, Pin::temporary_object);
}

}  // namespace

Pins pins_of(const sql::Statement& statement) {
  Pins pins;
  for (const sql::RelationUse& use : statement.relations) {
    if (temporary(use.name)) add(pins, Pin::temporary_object);
  }
  if (std::any_of(statement.objects.begin(), statement.objects.end(), temporary)) add(pins, Pin::temporary_object);
  for (const sql::FunctionUse& use : statement.functions)
    add_of_function(pins, use);
  for (const sql::SettingUse& use : statement.settings) {
    const bool changes = use.action == sql::SettingAction::set || use.action == sql::SettingAction::set_default;
    const bool by_function = statement.kind != sql::StatementKind::set;
    if (changes && by_function && !use.local) add(pins, Pin::settings);
    if (changes && (use.name == "role" || use.name == "session_authorization")) add(pins, Pin::role);
  }
  switch (statement.kind) {
    case sql::StatementKind::prepare:
      add(pins, Pin::prepared);
      break;
    case sql::StatementKind::declare_cursor:
      if (statement.holdable) add(pins, Pin::holdable_cursor);
      break;
    default:
      if (statement.tag == "LOAD") add(pins, Pin::loaded_library);
      break;
  }
  return pins;
}

bool can_be_discarded(const Pins& pins) {
  return !pins.test(static_cast<std::size_t>(Pin::loaded_library)) &&
         !pins.test(static_cast<std::size_t>(Pin::foreign_session));
}

Pins unpinned_by(const sql::Statement& statement) {
  Pins pins;
  if (statement.tag == "DISCARD ALL") {
    pins.set();
    pins.reset(static_cast<std::size_t>(Pin::loaded_library));
    pins.reset(static_cast<std::size_t>(Pin::foreign_session));
  }
  if (statement.kind == sql::StatementKind::deallocate && statement.name.empty()) add(pins, Pin::prepared);
  if (statement.kind == sql::StatementKind::close_cursor && statement.name.empty()) add(pins, Pin::holdable_cursor);
  return pins;
}

std::string names_of(const Pins& pins) {
  std::string names;
  for (std::size_t i = 0; i < pin_names.size(); ++i) {
    if (!pins.test(i)) continue;
    if (!names.empty()) names += ", ";
    names += pin_names[i];
  }
  return names;
}

}  // namespace dbgate::session
