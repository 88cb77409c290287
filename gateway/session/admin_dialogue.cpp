#include "gateway/session/admin_dialogue.h"

#include <algorithm>

#include "gateway/session/replies.h"
#include "gateway/sql/prescan.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"

namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
namespace frontend = protocol::frontend;
using protocol::encoded;
using show::Command;

Refusal refusal(SqlState code, std::string message, std::string hint = {}) {
  Refusal made;
  made.code = code;
  made.message = std::move(message);
  made.hint = std::move(hint);
  return made;
}

Refusal in_failed_transaction() {
  return refusal(sqlstate::in_failed_sql_transaction,
                 "current transaction is aborted, commands ignored until end of transaction block");
}

Refusal too_many(const char* what, std::size_t most) {
  return refusal(sqlstate::program_limit_exceeded,
                 std::string("the admin database keeps at most ") + std::to_string(most) + " " + what);
}

Refusal unknown_portal(std::string_view name) {
  return refusal(SqlState("34000"), "portal \"" + std::string(name) + "\" does not exist");
}

bool same_name(std::string_view left, std::string_view right) {
  const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return folded(a) == folded(b); });
}

}  // namespace

bool AdminJob::needs_overview() const {
  if (refusal) return false;
  return std::any_of(commands.begin(), commands.end(), [](const Command& command) {
    return command.kind == Command::Kind::show && show::needs_overview(command.topic);
  });
}

std::unique_ptr<AdminJob> AdminDialogue::take(char type, protocol::Bytes body) {
  if (skipping_ && type != 'S' && type != 'X') return nullptr;
  switch (type) {
    case frontend::Query::type:
      return query(body);
    case frontend::Parse::type:
      return parse(body);
    case frontend::Execute::type:
      return execute(body);
    case frontend::Bind::type:
      bind(body);
      break;
    case frontend::Describe::type:
      describe(body);
      break;
    case frontend::Close::type:
      close(body);
      break;
    case frontend::Sync::type:
      sync();
      break;
    case frontend::Terminate::type:
      over_ = true;
      break;
    case frontend::FunctionCall::type:
      refuse(refusal(sqlstate::feature_not_supported, "the admin database has no functions"));
      skipping_ = false;
      output_ += ready_for_query(status_);
      break;
    case frontend::Flush::type:
    case 'd':  // CopyData, CopyDone and CopyFail outside of a copy: PostgreSQL ignores them
    case 'c':
    case 'f':
      break;
    default:
      fail(refusal(sqlstate::protocol_violation,
                   "invalid frontend message type " + std::to_string(static_cast<unsigned char>(type))));
  }
  return nullptr;
}

void AdminDialogue::fail(const Refusal& why) {
  Refusal fatal = why;
  fatal.fatal = true;
  output_ += error_response(fatal);
  over_ = failed_ = true;
}

void AdminDialogue::malformed() {
  fail(refusal(sqlstate::protocol_violation, "invalid message format"));
}

// Of a message of the extended protocol: what follows up to Sync is dropped.
void AdminDialogue::refuse(const Refusal& why) {
  output_ += error_response(why);
  skipping_ = true;
  if (status_ == 'T') status_ = 'E';
}

std::optional<Refusal> AdminDialogue::read(std::string_view text, std::vector<Command>& commands) const {
  if (const auto scanned = sql::prescan(text, sql::ScanLimits()); !scanned) {
    const Error why = scanned.error();
    return refusal(why.code(), why.message(), why.hint());
  }
  show::Script script = show::read_script(text);
  if (script.wrong) return refusal(script.wrong->code, script.wrong->message, script.wrong->hint);
  if (script.commands.size() > most_commands) {
    return refusal(sqlstate::program_limit_exceeded,
                   "the admin database takes at most " + std::to_string(most_commands) + " commands in one message");
  }
  commands = std::move(script.commands);
  return {};
}

std::unique_ptr<AdminJob> AdminDialogue::query(protocol::Bytes body) {
  const auto message = frontend::Query::decode(body);
  if (!message) {
    malformed();
    return nullptr;
  }
  auto job = std::make_unique<AdminJob>();
  job->text = message->query;
  job->refusal = read(message->query, job->commands);
  return job;
}

std::unique_ptr<AdminJob> AdminDialogue::parse(protocol::Bytes body) {
  const auto message = frontend::Parse::decode(body);
  if (!message) {
    malformed();
    return nullptr;
  }
  auto statement = std::make_shared<Statement>();
  statement->text = message->query;
  auto why = read(message->query, statement->commands);
  if (!why && statement->commands.size() > 1) {
    why = refusal(sqlstate::syntax_error, "cannot insert multiple commands into a prepared statement");
  }
  const std::string name(message->statement);
  if (!why && !name.empty() && statements_.contains(name)) {
    why = refusal(sqlstate::duplicate_prepared_statement, "prepared statement \"" + name + "\" already exists");
  }
  if (!why && statements_.size() >= most_statements) why = too_many("prepared statements", most_statements);
  if (!why) {
    statements_.insert_or_assign(name, std::move(statement));
    output_ += encoded(backend::ParseComplete());
    return nullptr;
  }
  auto job = std::make_unique<AdminJob>();
  job->kind = AdminJob::Kind::parse;
  job->text = message->query;
  job->name = name;
  job->refusal = std::move(why);
  return job;
}

void AdminDialogue::bind(protocol::Bytes body) {
  const auto message = frontend::Bind::decode(body);
  if (!message) return malformed();
  const auto found = statements_.find(message->statement);
  if (found == statements_.end()) return refuse(unknown_statement(message->statement));
  if (!message->parameters.empty()) {
    return refuse(refusal(sqlstate::protocol_violation, "bind message supplies " +
                                                            std::to_string(message->parameters.size()) +
                                                            " parameters, but prepared statement \"" +
                                                            std::string(message->statement) + "\" requires 0"));
  }
  Portal portal;
  portal.statement = found->second;
  portal.name = message->statement;
  portal.formats.assign(message->result_formats.begin(), message->result_formats.end());
  const auto& commands = portal.statement->commands;
  const std::size_t columns = commands.empty() ? 0 : columns_of(commands.front()).size();
  const bool fits = portal.formats.size() <= 1 || portal.formats.size() == columns;
  const bool known = std::all_of(portal.formats.begin(), portal.formats.end(),
                                 [](std::int16_t format) { return format == 0 || format == 1; });
  if (!fits || !known) {
    return refuse(refusal(sqlstate::protocol_violation, "bind message has result formats that do not fit the result"));
  }
  const std::string name(message->portal);
  if (portals_.size() >= most_portals && !portals_.contains(name)) return refuse(too_many("portals", most_portals));
  portals_.insert_or_assign(name, std::move(portal));
  output_ += encoded(backend::BindComplete());
}

void AdminDialogue::say_columns(const std::vector<Command>& commands, const show::Formats& formats) {
  const auto columns = commands.empty() ? std::vector<show::Column>() : columns_of(commands.front());
  if (columns.empty()) {
    output_ += encoded(backend::NoData());
  } else {
    show::describe(columns, formats, output_);
  }
}

void AdminDialogue::describe(protocol::Bytes body) {
  const auto message = frontend::Describe::decode(body);
  if (!message) return malformed();
  if (message->kind == frontend::NameKind::portal) {
    const auto found = portals_.find(message->name);
    if (found == portals_.end()) return refuse(unknown_portal(message->name));
    return say_columns(found->second.statement->commands, found->second.formats);
  }
  const auto found = statements_.find(message->name);
  if (found == statements_.end()) return refuse(unknown_statement(message->name));
  output_ += encoded(backend::ParameterDescription());
  say_columns(found->second->commands, {});
}

std::unique_ptr<AdminJob> AdminDialogue::execute(protocol::Bytes body) {
  const auto message = frontend::Execute::decode(body);
  if (!message) {
    malformed();
    return nullptr;
  }
  const auto found = portals_.find(message->portal);
  if (found == portals_.end()) {
    refuse(unknown_portal(message->portal));
    return nullptr;
  }
  auto job = std::make_unique<AdminJob>();
  job->kind = AdminJob::Kind::execute;
  job->text = found->second.statement->text;
  job->name = found->second.name;
  job->portal = message->portal;
  job->max_rows = message->max_rows;
  if (!found->second.started) job->commands = found->second.statement->commands;
  return job;
}

void AdminDialogue::close(protocol::Bytes body) {
  const auto message = frontend::Close::decode(body);
  if (!message) return malformed();
  if (message->kind == frontend::NameKind::portal) {
    if (const auto found = portals_.find(message->name); found != portals_.end()) portals_.erase(found);
  } else if (const auto found = statements_.find(message->name); found != statements_.end()) {
    statements_.erase(found);
  }
  output_ += encoded(backend::CloseComplete());
}

void AdminDialogue::sync() {
  skipping_ = false;
  if (status_ == 'I') portals_.clear();
  output_ += ready_for_query(status_);
}

bool AdminDialogue::blocked(const Command& command) const noexcept {
  return status_ == 'E' && command.kind != Command::Kind::commit && command.kind != Command::Kind::rollback;
}

std::vector<show::Column> AdminDialogue::columns_of(const Command& command) const {
  switch (command.kind) {
    case Command::Kind::show:
      return show::columns_of(command.topic);
    case Command::Kind::setting:
      for (const auto& [name, value] : told_)
        if (same_name(name, command.name)) return {{name, show::Type::text}};
      return {{command.name, show::Type::text}};
    case Command::Kind::number:
      return {{"?column?", show::Type::int4}};
    case Command::Kind::server_version:
      return {{"version", show::Type::text}};
    default:
      return {};
  }
}

show::Table AdminDialogue::result_of(const Command& command, const show::Overview& overview) const {
  if (command.kind == Command::Kind::show) return show::table_of(command.topic, overview);
  show::Table table{columns_of(command), {}};
  if (command.kind == Command::Kind::number) table.rows.push_back({std::uint64_t{std::stoul(command.name)}});
  if (command.kind == Command::Kind::server_version) table.rows = show::table_of(show::Topic::version, overview).rows;
  if (command.kind == Command::Kind::setting) {
    std::string value = command.name == "transaction_isolation" ? "read committed" : "off";
    for (const auto& [name, told] : told_)
      if (same_name(name, command.name)) value = told;
    table.rows.push_back({std::move(value)});
  }
  return table;
}

std::string AdminDialogue::act(const Command& command) {
  switch (command.kind) {
    case Command::Kind::begin:
      status_ = 'T';
      return command.tag;
    case Command::Kind::commit:
      return std::exchange(status_, 'I') == 'E' ? "ROLLBACK" : command.tag;
    case Command::Kind::rollback:
      status_ = 'I';
      return command.tag;
    case Command::Kind::deallocate:
      if (command.name.empty()) {
        statements_.clear();
      } else {
        statements_.erase(command.name);
      }
      return command.tag;
    default:
      return command.tag;
  }
}

void AdminDialogue::run(AdminJob& job, const show::Overview& overview) {
  if (job.refusal) job.sqlstate = job.refusal->code;
  if (job.kind == AdminJob::Kind::query) {
    run_query(job, overview);
  } else if (job.refusal) {
    refuse(*job.refusal);
  } else {
    run_execute(job, overview);
  }
}

void AdminDialogue::run_query(AdminJob& job, const show::Overview& overview) {
  std::optional<Refusal> why = job.refusal;
  if (!why && job.commands.empty()) output_ += encoded(backend::EmptyQueryResponse());
  for (const Command& command : job.commands) {
    if (why) break;
    if (blocked(command)) {
      why = in_failed_transaction();
      break;
    }
    const show::Table table = result_of(command, overview);
    if (!table.columns.empty()) show::describe(table.columns, {}, output_);
    for (const show::Row& row : table.rows)
      show::encode_row(table.columns, row, {}, output_);
    const std::string tag = act(command);
    output_ += encoded(backend::CommandComplete{tag});
    job.rows += table.rows.size();
    job.tags += (job.tags.empty() ? "" : "; ") + tag;
  }
  if (why) {
    job.sqlstate = why->code;
    output_ += error_response(*why);
    if (status_ == 'T') status_ = 'E';
  }
  if (status_ == 'I') portals_.clear();
  output_ += ready_for_query(status_);
}

void AdminDialogue::run_execute(AdminJob& job, const show::Overview& overview) {
  Portal& portal = portals_.find(job.portal)->second;
  const std::shared_ptr<const Statement> statement = portal.statement;
  if (statement->commands.empty()) {
    output_ += encoded(backend::EmptyQueryResponse());
    return;
  }
  const Command& command = statement->commands.front();
  if (blocked(command)) {
    job.sqlstate = sqlstate::in_failed_sql_transaction;
    return refuse(in_failed_transaction());
  }
  if (!std::exchange(portal.started, true)) {
    const show::Table table = result_of(command, overview);
    for (const show::Row& row : table.rows) {
      portal.rows.emplace_back();
      show::encode_row(table.columns, row, portal.formats, portal.rows.back());
    }
    portal.tag = act(command);
  }
  const std::size_t left = portal.rows.size() - portal.next;
  const bool all = job.max_rows <= 0 || static_cast<std::size_t>(job.max_rows) >= left;
  const std::size_t end = portal.next + (all ? left : static_cast<std::size_t>(job.max_rows));
  job.rows = end - portal.next;
  for (; portal.next < end; ++portal.next)
    output_ += std::exchange(portal.rows[portal.next], {});
  job.tags = portal.tag;
  output_ += all ? encoded(backend::CommandComplete{portal.tag}) : encoded(backend::PortalSuspended());
}

}  // namespace dbgate::session
