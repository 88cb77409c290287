#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/sql/tokens.h"

namespace dbgate::rewrite {

/// Where something stands in a statement text, bytes; the end excluded.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A relation in FROM, TABLE or COPY.
struct RelationPlace {
  Span span;              ///< the name, with ONLY before it
  bool table = false;     ///< TABLE name: the span begins at TABLE
  Span columns;           ///< of COPY: what stands between the parentheses behind the name; empty without
  std::size_t after = 0;  ///< COPY: behind that
};

/// Finds names in a text by where the parser says that they begin.
class Places {
 public:
  /// @param tokens  of the text; both must outlive this
  Places(std::string_view text, const std::vector<sql::Token>& tokens) : text_(text), tokens_(tokens) {}

  /// None for what cannot be replaced in place: `name *`, ONLY (name).
  std::optional<RelationPlace> relation(std::size_t at) const;
  /// Of schema.table.column: all before the table. None if it is written in a way that is not followed.
  std::optional<Span> before_table(std::size_t at) const;

 private:
  std::optional<std::size_t> token_at(std::size_t at) const;
  std::size_t skip_name(std::size_t token) const;
  bool is(std::size_t token, std::string_view written) const;

  std::string_view text_;
  const std::vector<sql::Token>& tokens_;
};

}  // namespace dbgate::rewrite
