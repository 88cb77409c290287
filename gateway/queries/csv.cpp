#include "gateway/queries/column_types.h"
#include "gateway/queries/format.h"

namespace dbgate::queries {
namespace {

/// RFC 4180: commas, CRLF, quotes doubled. NULL stands unquoted as the chosen text (nothing, unless told otherwise); a
/// value that reads the same is quoted, so that the two differ as in COPY … CSV of PostgreSQL.
class Csv final : public Format {
 public:
  explicit Csv(const ports::ExportOptions& options) : options_(options) {}

  const char* content_type() const override {
    return options_.header ? "text/csv; charset=utf-8; header=present" : "text/csv; charset=utf-8; header=absent";
  }

  Result<> begin(const std::vector<ports::QueryColumn>& columns, std::string& out) override {
    for (const ports::QueryColumn& column : columns)
      free_text_.push_back(is_free_text(column.type_oid));
    if (!options_.header) return boost::system::in_place_value;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      append(out, columns[i].name, true);
    }
    out += "\r\n";
    return boost::system::in_place_value;
  }

  Result<> row(const Cells& cells, std::string& out) override {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out += ',';
      if (cells[i]) {
        append(out, *cells[i], free_text_[i]);
      } else {
        out += options_.null_text;
      }
    }
    out += "\r\n";
    return boost::system::in_place_value;
  }

  Result<> end(std::string&) override { return boost::system::in_place_value; }

 private:
  void append(std::string& out, std::string_view value, bool free_text) const {
    // What spreadsheets compute (OWASP, "CSV Injection"). Numbers keep their sign: they are no free text.
    const bool formula = options_.escape_formulas && free_text && !value.empty() &&
                         std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos;
    const bool quoted = value == options_.null_text || value.find_first_of(",\"\r\n") != std::string_view::npos ||
                        (!value.empty() && (value.front() == ' ' || value.back() == ' '));
    if (quoted) out += '"';
    if (formula) out += '\'';
    for (const char c : value) {
      if (c == '"') out += '"';
      out += c;
    }
    if (quoted) out += '"';
  }

  const ports::ExportOptions options_;
  std::vector<bool> free_text_;
};

}  // namespace

std::unique_ptr<Format> make_csv(const ports::ExportOptions& options) {
  return std::make_unique<Csv>(options);
}

}  // namespace dbgate::queries
