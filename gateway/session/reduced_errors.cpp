#include "gateway/session/reduced_errors.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"

namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
using protocol::Bytes;

// Classes whose messages speak of the session or the server (manual appendix A).
constexpr std::array<std::string_view, 11> open_classes = {"08", "25", "26", "2D", "34", "3B",
                                                           "40", "53", "54", "55", "57"};
// Of the statement, where its parser says so: with a place in the text. A value that is taken for a name when rows are
// looked at ('x'::regclass of a column) fails with the same codes, and stands in the message.
constexpr std::array<std::string_view, 3> classes_of_text = {"0A", "3D", "42"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 21> known_texts = {{
    {"0A000", "a feature is not supported"},
    {"3D000", "a database does not exist"},
    {"21000", "more than one row returned by a subquery used as an expression"},
    {"22001", "value too long"},
    {"22003", "value out of range"},
    {"22007", "invalid date or time"},
    {"22008", "date or time out of range"},
    {"22012", "division by zero"},
    {"22023", "invalid parameter value"},
    {"22P02", "invalid input syntax"},
    {"23502", "a not-null constraint was violated"},
    {"23503", "a foreign key constraint was violated"},
    {"23505", "a unique constraint was violated"},
    {"23514", "a check constraint was violated"},
    {"23P01", "an exclusion constraint was violated"},
    {"42501", "the server denies permission"},
    {"42703", "a column does not exist"},
    {"42704", "an object does not exist"},
    {"42883", "a function does not exist"},
    {"42P01", "a relation does not exist"},
    {"P0001", "a function raised an exception"},
}};

using Fields = std::vector<backend::ErrorField>;

std::string_view field(const Fields& fields, char code) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& entry) { return entry.code == code; });
  return found == fields.end() ? std::string_view() : found->value;
}

bool is_open(const Fields& fields) {
  const std::string_view kind = field(fields, 'C').substr(0, 2);
  const auto in = [kind](const auto& classes) {
    return std::find(classes.begin(), classes.end(), kind) != classes.end();
  };
  if (in(open_classes)) return true;
  // "cached plan must not change result type", by which drivers know that they have to prepare again
  const bool replanned = field(fields, 'R') == "RevalidateCachedQuery";
  return in(classes_of_text) && (replanned || !field(fields, 'P').empty());
}

std::string text_for(std::string_view sqlstate) {
  const auto known =
      std::find_if(known_texts.begin(), known_texts.end(), [&](const auto& entry) { return entry.first == sqlstate; });
  return known == known_texts.end() ? "the statement failed with SQLSTATE " + std::string(sqlstate)
                                    : std::string(known->second);
}

}  // namespace

std::string reduced_error(Bytes body, bool rewritten) {
  const Fields fields = backend::leading_fields(body);
  const std::string_view sqlstate = field(fields, 'C');
  // PL/pgSQL's RAISE may say anything under any code.
  const bool raised = field(fields, 'R') == "exec_stmt_raise";
  const bool open = is_open(fields) && !raised && !field(fields, 'M').empty();
  std::string result;
  protocol::FieldWriter writer(result);
  const auto add = [&writer](char code, std::string_view text) {
    if (text.empty()) return;
    writer.byte1(code);
    writer.string(text);
  };
  writer.begin_message(backend::ErrorResponse::type);
  for (const char code : {'S', 'V', 'C'})
    add(code, field(fields, code));
  add('M', open ? std::string(field(fields, 'M')) : text_for(sqlstate));
  if (!open) add('H', "dbgate withholds what the server said, because it could show more than you may see.");
  if (!rewritten) add('P', field(fields, 'P'));
  for (const char code : {'F', 'L', 'R'})
    add(code, field(fields, code));
  writer.byte1('\0');
  writer.end_message();
  return result;
}

bool notice_passes(Bytes body) {
  const Fields fields = backend::leading_fields(body);
  return is_open(fields) && field(fields, 'R') != "exec_stmt_raise";
}

}  // namespace dbgate::session
