#include "gateway/app/preparation.h"

namespace dbgate::app {
namespace {

constexpr const char* prepare =
#include "commit_gate_prepare.inc"
    ;
constexpr const char* undo =
#include "commit_gate_undo.inc"
    ;

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name)
    text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

}  // namespace

std::string preparation_sql(const std::string& account) {
  std::string sql = prepare;
  const std::string end = "COMMIT;\n";
  sql.resize(sql.size() - end.size());
  const std::string name = quoted(account);
  return sql + "GRANT USAGE ON SCHEMA dbgate_gate TO " + name +
         ";\nGRANT EXECUTE ON FUNCTION dbgate_gate.open(), dbgate_gate.changes(bigint) TO " + name + ";\n" + end;
}

std::string preparation_undo_sql() {
  return undo;
}

}  // namespace dbgate::app
