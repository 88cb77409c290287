#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <string>
#include <unordered_set>

#include "gateway/policy/footprint.h"

namespace dbgate::policy {
namespace {

// Of pg_catalog's STABLE functions those that are so for TimeZone, DateStyle and the like only, or for the names of
// text search configurations and encodings. Left out is what tells of the time, the user, the session or the catalog,
// and what reads text as a value of a type that is not known here: 'now' is one of some.
// SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 's'
constexpr const char* steady_words = R"(
anytextcat array_to_json array_to_string concat concat_ws convert convert_from convert_to
date date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz date_gt_timestamptz date_le_timestamptz
date_lt_timestamptz date_ne_timestamptz date_part date_trunc enum_first enum_last enum_range extract format
generate_series interval_pl_timestamptz json_agg json_agg_transfn json_build_array json_build_object json_object_agg
json_object_agg_transfn jsonb_agg jsonb_agg_finalfn jsonb_agg_transfn jsonb_build_array jsonb_build_object
jsonb_object_agg_finalfn jsonb_object_agg_transfn length make_timestamptz money numeric overlaps phraseto_tsquery
plainto_tsquery quote_literal quote_nullable row_to_json textanycat timestamp timestamp_cmp_timestamptz
timestamp_eq_timestamptz timestamp_ge_timestamptz timestamp_gt_timestamptz timestamp_le_timestamptz
timestamp_lt_timestamptz timestamp_ne_timestamptz timestamptz timestamptz_cmp_date timestamptz_cmp_timestamp
timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge_date timestamptz_ge_timestamp timestamptz_gt_date
timestamptz_gt_timestamp timestamptz_le_date timestamptz_le_timestamp timestamptz_lt_date timestamptz_lt_timestamp
timestamptz_mi_interval timestamptz_ne_date timestamptz_ne_timestamp timestamptz_pl_interval timetz timezone to_char
to_date to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector ts_headline ts_match_tq ts_match_tt
websearch_to_tsquery
)";

std::unordered_set<std::string> words_of(const char* list) {
  std::istringstream words(list);
  std::unordered_set<std::string> set;
  for (std::string word; words >> word;)
    set.insert(word);
  return set;
}

}  // namespace

bool is_steady(std::string_view name) {
  static const std::unordered_set<std::string> steady = words_of(steady_words);
  return steady.contains(std::string(name));
}

bool holds_now(std::string_view values) {
  static constexpr std::array<std::string_view, 4> words = {"now", "today", "tomorrow", "yesterday"};
  const auto same = [](char text, char word) { return std::tolower(static_cast<unsigned char>(text)) == word; };
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return std::search(values.begin(), values.end(), word.begin(), word.end(), same) != values.end();
  });
}

bool may_say_now(std::string_view sql) {
  if (sql.find('\\') != std::string_view::npos) return true;
  // U&'…' chooses a character of its own for escapes.
  for (std::size_t i = 0; i + 1 < sql.size(); ++i) {
    if ((sql[i] == 'u' || sql[i] == 'U') && sql[i + 1] == '&') return true;
  }
  return holds_now(sql);
}

}  // namespace dbgate::policy
