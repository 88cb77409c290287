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

// Classes whose messages speak of the statement, the session or the server (manual appendix A).
constexpr std::array<std::string_view, 14> open_classes = {"08", "0A", "25", "26", "2D", "34", "3B",
                                                           "3D", "40", "42", "53", "54", "55", "57"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> known_texts = {{
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
    {"P0001", "a function raised an exception"},
}};

using Fields = std::vector<backend::ErrorField>;

std::string_view field(const Fields& fields, char code) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& entry) { return entry.code == code; });
  return found == fields.end() ? std::string_view() : found->value;
}

bool is_open(std::string_view sqlstate) {
  return std::find(open_classes.begin(), open_classes.end(), sqlstate.substr(0, 2)) != open_classes.end();
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
  const bool open = is_open(sqlstate) && !raised && !field(fields, 'M').empty();
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
  return is_open(field(fields, 'C')) && field(fields, 'R') != "exec_stmt_raise";
}

}  // namespace dbgate::session
