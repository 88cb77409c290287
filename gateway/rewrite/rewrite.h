#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/policy/engine.h"
#include "gateway/sql/facts.h"
#include "gateway/sql/prescan.h"

namespace dbgate::rewrite {

/// The longest text that is rewritten: it is parsed again where the session runs.
inline constexpr std::size_t max_text_bytes = 256 * 1024;

/// A column of a result that stands for one of a replaced relation, and how the server would have described it.
struct ColumnOrigin {
  std::size_t column = 0;  ///< of the result, from 0
  std::uint32_t table_oid = 0;
  std::int16_t attribute = 0;
};

/// What masks and row filters make of a text. At most one of `text` and `denied` is not empty; both empty: the text may
/// run as it is.
struct Outcome {
  std::string text;
  std::vector<std::string> masked;                 ///< schema.table.column
  std::vector<std::vector<ColumnOrigin>> origins;  ///< by statement
  std::string denied;                              ///< why it must not run
  std::string hint;
  std::string rule_id;
};

/// Puts masks and filters into a text whose statements are allowed. What comes out has been parsed again and means the
/// same, but for what is hidden. Never throws.
/// @param context  with the resolver that `script` was made with
Outcome rewrite(std::string_view text, const sql::Script& script, const policy::Grants& grants,
                const policy::NameContext& context, const sql::ScanLimits& limits);

}  // namespace dbgate::rewrite
