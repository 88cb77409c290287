#include <algorithm>

#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/shared_statements.h"
#include "protocol/postgres/frontend_messages.h"

// What a relay minds besides where its server connection is shared with other sessions.
namespace dbgate::session {

const char* const stand_in_for_deallocate = "UNLISTEN \"?\"";
const char* const no_statement = "dbgate:none";

namespace {

Refusal duplicate_statement(std::string_view name) {
  Refusal refusal;
  refusal.code = sqlstate::duplicate_prepared_statement;
  refusal.message = "prepared statement \"" + std::string(name) + "\" already exists";
  return refusal;
}

Refusal shared_name(std::string_view command, std::string_view name, const char* hint) {
  Refusal refusal;
  refusal.code = sqlstate::feature_not_supported;
  refusal.message = std::string(command) + " cannot name \"" + std::string(name) +
                    "\" here: it was prepared by the protocol, and server connections are shared";
  refusal.hint = hint;
  return refusal;
}

}  // namespace

void Relay::attach_server(upstream::ServerMemory& memory) {
  if (!pool_) return;
  pool_->server = &memory;
  if (pool_->own_name.empty()) pool_->own_name = memory.application_name.value_or("");
  pool_->asked_for = nullptr;
  pool_->no_server.reset();
}

void Relay::detach_server() {
  if (pool_) pool_->server = nullptr;
}

void Relay::refuse_for_server(const Error& why) {
  Refusal refusal;
  refusal.code = why.code();
  refusal.message = why.message();
  refusal.hint = why.hint();
  pool_->no_server = std::move(refusal);
}

const Pins& Relay::pins() const {
  static const Pins none;
  return pool_ ? pool_->pins : none;
}

bool Relay::at_rest() const noexcept {
  const bool quiet = expected_.empty() && frontend_rest_ == 0 && backend_rest_ == 0 && copy_in_ == CopyIn::none;
  return quiet && !in_transaction() && doubtful_syncs_ == 0 && held_ == 0 && !abort_due_ && to_server_.empty() &&
         own_words_.empty();
}

bool Relay::may_rest() const noexcept {
  if (!pool_ || pool_->pins.any() || pool_->no_server || !at_rest()) return false;
  if (reads_ && !reads_->open()) return false;  // a new one would follow the session as if nothing had been
  if (pool_->server != nullptr && pool_->server->littered) return false;  // that goes when the session does
  const bool told = local_replies_.empty() && to_client_.empty() && !fatal_seen_ && ended_by_.empty();
  const bool whole = !skipping_ && !catalog_touched_ && !cancel_due_ && !offered_ && !bind_records_.streaming();
  return told && whole && loose_meters_.empty() && portals_.nothing_defined();
}

std::unique_ptr<RelayRest> Relay::take_rest() {
  if (statements_.nothing_defined() && pool_->settings.as_at_login()) return nullptr;
  return std::make_unique<RelayRest>(RelayRest{std::move(statements_), std::move(pool_->settings), locks_,
                                               std::move(meaning_), std::move(paths_), segment_, rewritten_});
}

void Relay::go_on_from(RelayRest&& rest) {
  statements_ = std::move(rest.statements);
  pool_->settings = std::move(rest.settings);
  locks_ = rest.locks;
  meaning_ = std::move(rest.meaning);
  paths_ = std::move(rest.paths);
  segment_ = rest.segment;
  rewritten_ = rest.rewritten;
}

// Whether a message cannot be handled before there is a server connection. What ends here needs none.
bool Relay::lacks_server(char type) {
  if (pool_->server != nullptr || pool_->no_server) return false;
  if (skipping_ || std::string_view("QPBDCEF").find(type) == std::string_view::npos) return false;
  next_ = Next::server;
  return true;
}

bool Relay::refused_for_server(char type) {
  if (pool_->server != nullptr) return false;
  if (pool_->no_server && std::string_view("QPBDCEF").find(type) != std::string_view::npos) {
    const Refusal refusal = std::move(*pool_->no_server);
    pool_->no_server.reset();
    const bool simple = type == 'Q' || type == 'F';
    simple ? refuse_simple(refusal) : refuse_extended(refusal, false);
    return true;
  }
  if (type == 'S' && !skipping_) say_ready();
  return (type == 'S' && !skipping_) || type == 'H';
}

std::optional<Refusal> Relay::refusal_of_block(const sql::Script& script) const {
  if (!pool_->statements_only) return std::nullopt;
  const bool begins = std::any_of(script.statements.begin(), script.statements.end(),
                                  [](const sql::Statement& one) { return one.kind == sql::StatementKind::begin; });
  if (!begins) return std::nullopt;
  Refusal refusal;
  refusal.code = sqlstate::feature_not_supported;
  refusal.message = "transaction blocks are not allowed: this target is pooled by statement";
  refusal.hint = "An administrator can set pool.mode of the target to transaction or session.";
  return refusal;
}

// Two prepared statements of one name are the frontend's mistake; the server does not see it, so it is told here.
bool Relay::is_duplicate(std::string_view name) {
  if (name.empty()) return false;
  const auto found = statements_.find(name, segment_);
  if (found.state == Names::State::absent) return false;
  if (found.state == Names::State::wait) {
    next_ = Next::wait;
    return true;
  }
  refuse_extended(duplicate_statement(name), false);
  return true;
}

// SQL that names what the protocol has prepared: the server knows that by another name, and would say that there is
// none.
std::optional<Refusal> Relay::refusal_of_names(const Judged& judged) const {
  // Where statements of another text stand, dbgate does not know.
  const bool rewritten = judged.sent && !judged.sent->rewritten.empty();
  for (const sql::Statement& statement : judged.script->statements) {
    const bool executes = statement.effects.test(static_cast<std::size_t>(sql::Effect::execute));
    const bool drops = rewritten && statement.kind == sql::StatementKind::deallocate;
    const bool makes = statement.kind == sql::StatementKind::prepare;
    if (!executes && !drops && !makes) continue;
    const sql::Statement* naming = &statement;  // EXPLAIN and CREATE TABLE AS hold an EXECUTE
    while (executes && naming->kind != sql::StatementKind::execute && naming->inner)
      naming = naming->inner.get();
    if (naming->name.empty()) continue;
    const auto found = statements_.find(naming->name, segment_);
    if (found.state != Names::State::found || !found.definition->key) continue;
    if (makes) return duplicate_statement(naming->name);
    return executes ? shared_name("EXECUTE", naming->name, "Run it by the protocol as well, or PREPARE it in SQL.")
                    : shared_name("DEALLOCATE", naming->name, "Send DEALLOCATE as a text of its own.");
  }
  return std::nullopt;
}

// What the server is given for a text that deallocates what it knows by another name; empty: the text as it is. In the
// place of each such statement stands one without effect that succeeds or fails as it would, of the same length, so
// that positions in errors are those of the text. A second one of the same name finds nothing (26000).
std::string Relay::without_shared_names(const sql::Script& script, std::string_view text) const {
  std::string instead;
  std::vector<std::string_view> gone;
  for (const sql::Statement& statement : script.statements) {
    if (statement.kind != sql::StatementKind::deallocate || statement.name.empty()) continue;
    const auto found = statements_.find(statement.name, segment_);
    if (found.state != Names::State::found || !found.definition->key) continue;
    if (std::find(gone.begin(), gone.end(), statement.name) != gone.end()) continue;
    gone.push_back(statement.name);
    if (instead.empty()) instead = text;
    std::string stand_in = stand_in_for_deallocate;
    stand_in.resize(std::max(stand_in.size(), statement.length), ' ');
    instead.replace(statement.begin, statement.length, stand_in);
  }
  return instead;
}

// Whether what has completed stood in the place of a DEALLOCATE.
bool Relay::stood_for_deallocate(Bytes complete) const {
  if (expected_.empty() || !expected_.front().run || !protocol::as_text(complete).starts_with("UNLISTEN")) return false;
  const Run& run = *expected_.front().run;
  const bool known = run.script && run.statement < run.script->statements.size();
  return known && run.script->statements[run.statement].kind == sql::StatementKind::deallocate;
}

// Gives the server a statement under a new name of dbgate's own.
std::string Relay::parse_as(const upstream::StatementKeyPtr& key, bool own) {
  const std::string name = pool_->server->statements.add(key, segment_).name;
  Expected& entry = expect(Expected::Kind::parse);
  entry.own = own;
  entry.server_name = name;
  dirty_ = true;
  to_server_.say(parse_message(*key, name));
  return name;
}

// Gives the server the unnamed statement that another session's has taken the place of.
void Relay::parse_unnamed(const PreparedPtr& prepared) {
  const auto key = unnamed_key(*prepared);
  expect(Expected::Kind::parse).own = true;
  dirty_ = true;
  pool_->server->unnamed = prepared;
  pool_->server->unnamed_result = 0;
  to_server_.say(parse_message(*key, {}));
}

void Relay::close_surplus() {
  for (;;) {
    const std::string name = pool_->server->statements.take_surplus();
    if (name.empty()) return;
    Expected& entry = expect(Expected::Kind::close);
    entry.own = true;
    entry.server_name = name;
    dirty_ = true;
    to_server_.say(
        protocol::encoded(protocol::frontend::Close{protocol::frontend::NameKind::prepared_statement, name}));
  }
}

// Sees to it that the server at hand has the statement. `again`: only outstanding replies can tell. `server_name` stays
// empty where the frontend's name is the server's.
Relay::BindStep Relay::put_on_server(const PreparedPtr& prepared, std::string& server_name) {
  upstream::ServerMemory& server = *pool_->server;
  if (prepared->unnamed && server.unnamed != prepared) parse_unnamed(prepared);
  if (prepared->unnamed) return same_result(prepared, {}, server.unnamed_result);
  if (!prepared->key) return BindStep::go_on;
  server.forget_outdated();
  const upstream::StatementKeyPtr key = key_of(*prepared);
  const auto* held = server.statements.find(*key);
  if (held != nullptr && outdated(*prepared, *held)) held = nullptr;
  if (held == nullptr) {
    close_surplus();
    server_name = parse_as(key, true);
    return same_result(prepared, server_name, 0);
  }
  // Whether an earlier stretch of messages has brought it there is open.
  if (!held->confirmed && held->stretch != segment_) {
    next_ = Next::wait;
    return BindStep::again;
  }
  server_name = held->name;
  return same_result(prepared, server_name, held->result);
}

// What a name of the frontend's is on the server at hand, to be closed there; empty if it holds none. False: the name
// is the server's own (PREPARE).
bool Relay::close_on_server(std::string_view name, std::string& server_name) {
  const auto found = statements_.find(name, segment_);
  if (!is_shared(found)) return false;
  if (!found.definition) return true;
  upstream::ServerStatements& statements = pool_->server->statements;
  if (const auto* const held = statements.find(*key_of(*found.definition))) {
    server_name = held->name;
    statements.remove(server_name);
  }
  return true;
}

// Query drops the unnamed statement (PostgreSQL docs ch. 55.2.3). Where it would be given to the server again when it
// is needed, the frontend would not notice.
void Relay::drop_unnamed() {
  pool_->server->unnamed = nullptr;
  statements_.forget({});
}

void Relay::pin(const sql::Script& script) {
  for (const sql::Statement& statement : script.statements)
    pool_->pins |= pins_of(statement);
}

// Before it runs, as it may leave all of it and fail.
void Relay::note_residue(policy::Residue residue) {
  if (residue == policy::Residue::none) return;
  if (!pool_) {
    residue_ = std::max(residue_, residue);
    return;
  }
  if (residue != policy::Residue::unknown) pool_->server->littered = true;
  if (residue != policy::Residue::discarded) pool_->server->stained = true;
}

void Relay::shared_complete(const Run& run, const sql::Statement& statement, std::string_view tag) {
  const Pins gone = unpinned_by(statement);
  if (gone.any()) pool_->pins = (pool_->pins & ~gone) | pins_to_come(run);
  const std::string_view text = std::string_view(run.text).substr(std::min(statement.begin, run.text.size()));
  pool_->settings.on_complete(statement, text.substr(0, statement.length), tag);
  upstream::ServerMemory& server = *pool_->server;
  if (statement.kind == sql::StatementKind::listen) server.listens = true;
  const bool all = statement.tag == "DISCARD ALL";
  if (all || (statement.kind == sql::StatementKind::deallocate && statement.name.empty())) {
    server.statements.clear();
    server.unnamed = nullptr;
  }
  for (const sql::SettingUse& use : statement.settings) {
    if (!all && use.name != "application_name" && use.action != sql::SettingAction::reset_all) continue;
    server.application_name.reset();
    pool_->renamed = true;
  }
}

// What statements behind one that takes pins away will leave: they were sent before it was through.
Pins Relay::pins_to_come(const Run& run) const {
  Pins pins;
  for (const Expected& entry : expected_) {
    if (!entry.run || !entry.run->script) continue;
    const auto& statements = entry.run->script->statements;
    for (std::size_t i = entry.run.get() == &run ? run.statement + 1 : 0; i < statements.size(); ++i)
      pins |= pins_of(statements[i]);
  }
  return pins;
}

void Relay::shared_ready(char status) {
  pool_->settings.on_ready(status, std::exchange(pool_->failed, false));
  if (pool_->inbox) settle_channels(status);
  if (status != 'I') return;
  pool_->server->settings = pool_->settings.current();
  if (pool_->renamed) show_own_name();
  if (pool_->settings.too_many()) pool_->pins.set(static_cast<std::size_t>(Pin::settings));
}

void Relay::settle_on_server(const Expected& entry, bool succeeded) {
  if (pool_->server == nullptr) return;
  upstream::ServerMemory& server = *pool_->server;
  if (entry.kind == Expected::Kind::close && !entry.server_name.empty()) {
    if (!succeeded) server.statements.close_later(entry.server_name);
    return;
  }
  if (entry.kind != Expected::Kind::parse) return;
  if (entry.server_name.empty()) {
    if (!succeeded) server.unnamed = nullptr;
  } else if (succeeded) {
    server.statements.confirm(entry.server_name);
  } else {
    server.statements.remove(entry.server_name);
  }
}

}  // namespace dbgate::session
