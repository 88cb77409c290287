#include "gateway/catalog/search_path.h"

#include "gateway/sql/tokens.h"

namespace dbgate::catalog {

std::vector<std::string> read_search_path(std::string_view value) {
  std::vector<std::string> schemas;
  const auto tokens = sql::tokenize(value);
  if (!tokens) return schemas;
  for (const sql::Token& token : *tokens) {
    if (token.kind == sql::TokenKind::word || token.kind == sql::TokenKind::quoted_word) {
      schemas.push_back(sql::name_of(value, token));
    } else if (auto literal = sql::plain_literal(value, token)) {
      schemas.push_back(std::move(*literal));
    }
  }
  return schemas;
}

}  // namespace dbgate::catalog
