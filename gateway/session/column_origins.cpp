#include "gateway/session/column_origins.h"

#include "protocol/postgres/backend_messages.h"

namespace dbgate::session {

namespace backend = protocol::backend;

std::string with_origins(protocol::Bytes body, const std::vector<rewrite::ColumnOrigin>& origins) {
  const auto description = backend::RowDescription::decode(body);
  if (!description) return {};
  std::vector<backend::ColumnDescription> columns(description->columns.begin(), description->columns.end());
  for (const rewrite::ColumnOrigin& origin : origins) {
    if (origin.column >= columns.size()) return {};
    columns[origin.column].table_oid = origin.table_oid;
    columns[origin.column].attribute = origin.attribute;
  }
  std::string storage;
  return protocol::encoded(
      backend::RowDescription{protocol::Repeated<backend::ColumnDescription>::lay_out(columns, storage)});
}

}  // namespace dbgate::session
