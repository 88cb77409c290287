#pragma once
#include <memory>
#include <optional>

#include "gateway/session/expected.h"
#include "gateway/session/inbox.h"
#include "gateway/session/judge.h"
#include "gateway/session/pins.h"
#include "gateway/session/tracked_settings.h"
#include "gateway/upstream/server_memory.h"

namespace dbgate::session {

/// How long a session keeps its server connection.
enum class Sharing : std::uint8_t {
  none,         ///< as long as it lasts
  transaction,  ///< between transactions it may change hands
  statement     ///< the same; transaction blocks are refused
};

/// What a relay minds besides, where its server connection is shared.
struct PoolSide {
  bool statements_only = false;
  upstream::ServerMemory* server = nullptr;  ///< of the server connection at hand; null: there is none now
  TrackedSettings settings;
  Pins pins;
  std::string own_name;          ///< the application_name that the server shows unless the session sets another
  bool renamed = false;          ///< the server may show another's: RESET goes back to whoever logged in there
  std::unique_ptr<Inbox> inbox;  ///< null: it has never sent LISTEN
  /// What the last Bind made a portal of, if the frontend does not know its result type.
  PreparedPtr untold;
  std::string untold_portal, untold_name;  ///< of the portal, and of the statement on the server
  /// Whose result type this server was asked for last, of a statement parsed for that, and its name there.
  PreparedPtr asked_for;
  std::string asked_name;
  bool failed = false;               ///< an error since the last ReadyForQuery
  std::optional<Refusal> no_server;  ///< no server connection could be had: the next message is refused with it
};

/// "UNLISTEN" of a channel that nobody has: runs where DEALLOCATE would, fails where it would, and changes nothing.
extern const char* const stand_in_for_deallocate;
/// The name of a prepared statement that no server connection holds; closing it closes nothing.
extern const char* const no_statement;

}  // namespace dbgate::session
