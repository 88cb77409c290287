#include "gateway/upstream/own_query.h"

#include <optional>

#include "gateway/upstream/login.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::upstream {
namespace {

namespace backend = protocol::backend;

constexpr std::size_t max_answer = 16 * 1024;

Error strange() {
  return {sqlstate::connection_failure, "the server answered otherwise than asked"};
}

}  // namespace

Task<Result<OwnRow>> ask(Connection& connection, const std::string& query, std::size_t columns) {
  OwnRow fields;
  const std::string message = protocol::encoded(protocol::frontend::Query{query});
  const auto sent = co_await connection.stream.write_all(protocol::as_bytes(message));
  if (!sent) co_return sent.error();
  std::optional<Error> failed;
  for (;;) {
    const auto got = co_await read_message(connection, max_answer);
    if (!got) co_return failed ? *failed : got.error();
    if (got->type == backend::ErrorResponse::type) {
      const SqlState code = SqlState::from(backend::ErrorHead::read(got->body).sqlstate);
      failed = Error(code, "the server does not answer: SQLSTATE " + std::string(code.text()));
    }
    if (got->type == backend::DataRow::type) {
      const auto decoded = backend::DataRow::decode(got->body);
      if (!decoded || decoded->columns.size() != columns) co_return strange();
      fields.clear();
      for (const auto& value : decoded->columns)
        fields.push_back(value ? std::string(protocol::as_text(*value)) : std::string());
    }
    if (got->type != backend::ReadyForQuery::type) continue;
    if (failed) co_return *failed;
    if (fields.size() != columns) co_return strange();
    co_return fields;
  }
}

}  // namespace dbgate::upstream
