#include "cli/replay/other_server.h"

#include <poll.h>

#include <array>
#include <charconv>

#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// A type byte and a length.
constexpr std::uint64_t header_bytes = 5;
constexpr std::string_view succeeded = "00000";

void check_conninfo(const std::string& conninfo) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(conninfo.c_str(), nullptr),
                                                                             PQconninfoFree);
  if (!options)
    throw Problem{Exit::usage, "--against is no connection string",
                  "such as \"host=localhost dbname=shop user=ana\", or postgresql://ana@localhost/shop"};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const bool secret = option->dispchar != nullptr && *option->dispchar == '*';
    if (secret && option->val != nullptr)
      throw Problem{Exit::usage, "--against has a password, and arguments can be seen by others",
                    "use a password file (PGPASSFILE), or let it be asked for"};
  }
}

// Whatever else libpq looks up: the environment, password files, services.
PGconn* connect(const std::string& conninfo, const std::string& password) {
  std::vector<const char*> names{"connect_timeout", "client_encoding", "dbname", "fallback_application_name"};
  std::vector<const char*> values{"10", "UTF8", conninfo.c_str(), "dbgate replay"};
  if (!password.empty()) {
    names.push_back("password");
    values.push_back(password.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectdbParams(names.data(), values.data(), 1);
}

std::string first_line(const char* text) {
  std::string line(text == nullptr ? "" : text);
  line.resize(std::min(line.size(), line.find('\n')));
  return line;
}

std::uint64_t rows_of(const std::string& tag) {
  const std::size_t blank = tag.rfind(' ');
  std::uint64_t rows = 0;
  if (blank != std::string::npos) std::from_chars(tag.data() + blank + 1, tag.data() + tag.size(), rows);
  return rows;
}

std::uint64_t description_bytes(const PGresult* result) {
  std::uint64_t bytes = header_bytes + 2;
  for (int i = 0; i < PQnfields(result); ++i)
    bytes += std::string_view(PQfname(result, i)).size() + 1 + 18;
  return bytes;
}

std::uint64_t row_bytes(const PGresult* result) {
  std::uint64_t bytes = header_bytes + 2;
  for (int i = 0; i < PQnfields(result); ++i)
    bytes += 4 + static_cast<std::uint64_t>(PQgetlength(result, 0, i));
  return bytes;
}

void complete(const std::string& tag, Ran& ran) {
  if (ran.bytes) *ran.bytes += header_bytes + tag.size() + 1;
  if (!tag.starts_with("SELECT") && !tag.starts_with("FETCH") && !tag.starts_with("MOVE"))
    ran.rows_affected += rows_of(tag);
  ran.tags += (ran.tags.empty() ? "" : "; ") + tag;
}

}  // namespace

OtherServer OtherServer::open(const Options& options, const std::string& conninfo) {
  check_conninfo(conninfo);
  OtherServer server(connect(conninfo, ""));
  if (server.lost() && PQconnectionNeedsPassword(server.connection_.get()) != 0) {
    const std::string password =
        ask_secret(options, "Password of the other server: ", "use a password file (PGPASSFILE)");
    server.connection_.reset(connect(conninfo, password));
  }
  PGconn* const connection = server.connection_.get();
  if (server.lost())
    throw Problem{Exit::unreachable, "cannot connect to the other server: " + first_line(PQerrorMessage(connection)),
                  "try the same connection string with psql"};
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
  return server;
}

bool OtherServer::reads_literals_as_we_do() const {
  const char* const setting = PQparameterStatus(connection_.get(), "standard_conforming_strings");
  return setting != nullptr && std::string_view(setting) == "on";
}

// A transaction that has failed runs nothing more, and SET fails in it.
void OtherServer::only_read() {
  const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
  if (status == PQTRANS_INERROR || lost()) return;
  const Result done(PQexec(connection_.get(), status == PQTRANS_INTRANS ? "SET TRANSACTION READ ONLY"
                                                                        : "SET default_transaction_read_only = on"),
                    PQclear);
  if (PQresultStatus(done.get()) == PGRES_COMMAND_OK) return;
  throw Problem{Exit::failure,
                "the other server cannot be held to reading: " + first_line(PQresultErrorMessage(done.get())),
                "nothing more was run"};
}

Ran OtherServer::run_one(const std::string& sql, const std::vector<BoundValue>& values, std::chrono::seconds limit) {
  std::vector<const char*> bytes;
  std::vector<int> lengths, formats;
  for (const BoundValue& value : values) {
    bytes.push_back(value.bytes ? value.bytes->c_str() : nullptr);
    lengths.push_back(value.bytes ? static_cast<int>(value.bytes->size()) : 0);
    formats.push_back(value.binary ? 1 : 0);
  }
  return collect(PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                   bytes.data(), lengths.data(), formats.data(), 0) == 1,
                 limit);
}

Ran OtherServer::run_script(const std::string& sql, std::chrono::seconds limit) {
  return collect(PQsendQuery(connection_.get(), sql.c_str()) == 1, limit);
}

Ran OtherServer::collect(bool sent, std::chrono::seconds limit) {
  const auto begin = std::chrono::steady_clock::now();
  Ran ran{std::string(succeeded), {}, {}, 0, 0, 0, 0};
  Deadline deadline;
  if (limit.count() > 0) deadline = begin + limit;
  if (sent) PQsetSingleRowMode(connection_.get());
  bool described = false;
  while (PGresult* const result = sent ? next(deadline) : nullptr)
    take(result, ran, described, deadline);
  if (!sent || (lost() && ran.sqlstate == succeeded)) {
    ran.sqlstate = "08006";
    ran.message = first_line(PQerrorMessage(connection_.get()));
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  ran.elapsed_ms = static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()) / 1000.0;
  return ran;
}

PGresult* OtherServer::next(Deadline& deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    wait(deadline);
    if (PQconsumeInput(connection_.get()) == 0) break;
  }
  return PQgetResult(connection_.get());
}

// When time is up the statement is cancelled, once; its answer is waited for.
void OtherServer::wait(Deadline& deadline) {
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  if (!deadline) {
    ::poll(&socket, 1, -1);
    return;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  if (left.count() > 0) {
    ::poll(&socket, 1, static_cast<int>(left.count()));
    return;
  }
  deadline.reset();
  std::array<char, 256> why{};
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection_.get()), PQfreeCancel);
  if (cancel) PQcancel(cancel.get(), why.data(), static_cast<int>(why.size()));
}

void OtherServer::take(PGresult* taken, Ran& ran, bool& described, Deadline& deadline) {
  const Result result(taken, PQclear);
  switch (PQresultStatus(taken)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
      if (!described && ran.bytes) *ran.bytes += description_bytes(taken);
      described = true;
      if (PQntuples(taken) == 1) {
        ++ran.rows;
        if (ran.bytes) *ran.bytes += row_bytes(taken);
      }
      if (PQresultStatus(taken) == PGRES_SINGLE_TUPLE) return;
      complete(PQcmdStatus(taken), ran);
      break;
    case PGRES_COMMAND_OK:
      complete(PQcmdStatus(taken), ran);
      break;
    case PGRES_EMPTY_QUERY:
      complete("", ran);
      break;
    case PGRES_COPY_OUT:
      ran.bytes.reset();
      take_copy(deadline);
      break;
    case PGRES_COPY_IN:
      PQputCopyEnd(connection_.get(), "the rows are not recorded");
      break;
    default: {
      const char* const code = PQresultErrorField(taken, PG_DIAG_SQLSTATE);
      ran.sqlstate = code == nullptr ? "08006" : code;
      ran.message = first_line(PQresultErrorField(taken, PG_DIAG_MESSAGE_PRIMARY));
      ran.bytes.reset();
      break;
    }
  }
  described = false;
}

// Reads what COPY sends to its end; the tag comes behind it.
void OtherServer::take_copy(Deadline& deadline) {
  for (;;) {
    char* row = nullptr;
    const int got = PQgetCopyData(connection_.get(), &row, 1);
    if (row != nullptr) PQfreemem(row);
    if (got < 0) return;
    if (got > 0) continue;
    wait(deadline);
    if (PQconsumeInput(connection_.get()) == 0) return;
  }
}

}  // namespace dbgate::cli
