#pragma once
#include <bitset>
#include <cstdint>
#include <string>

#include "gateway/sql/facts.h"

namespace dbgate::session {

/// Why a session cannot change its server connection: something of it lives there alone.
enum class Pin : std::uint8_t {
  temporary_object,  ///< CREATE TEMPORARY …, and whatever names pg_temp
  advisory_lock,     ///< of the session, not of a transaction
  holdable_cursor,   ///< DECLARE … WITH HOLD
  prepared,          ///< PREPARE (of SQL; those of the protocol move along)
  loaded_library,    ///< LOAD
  role,              ///< SET ROLE, SET SESSION AUTHORIZATION
  settings,          ///< set_config() for longer than a transaction, or more settings than are kept
  foreign_session,   ///< dblink_connect
  count_
};
using Pins = std::bitset<static_cast<std::size_t>(Pin::count_)>;

/// What a statement leaves behind on its server connection if it succeeds.
Pins pins_of(const sql::Statement& statement);
/// Whether DISCARD ALL takes all of it away. Else the server connection has to go.
bool can_be_discarded(const Pins& pins);
/// What a statement that has succeeded takes away of it.
Pins unpinned_by(const sql::Statement& statement);
/// "temporary object, LISTEN"
std::string names_of(const Pins& pins);

}  // namespace dbgate::session
