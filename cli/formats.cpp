#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iterator>
#include <string_view>

#include "cli/output.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

// Display width of UTF-8 text: code points, which is right for what mostly stands in listings.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

struct Range {
  char32_t first, last;
};
// Characters that show nothing, or change the order of what shows: with them a text reads as another (Unicode TR 36).
constexpr Range unseen[] = {{0x80, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x200b, 0x200f},  {0x2028, 0x202e},
                            {0x2060, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

/// A character of UTF-8, and how many bytes it has; what is none stands for itself.
std::pair<char32_t, std::size_t> character_at(std::string_view text) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc0 ? 2 : 1;
  if (size == 1 || text.size() < size) return {byte(0), 1};
  char32_t code = byte(0) & (0xffu >> (size + 1));
  for (std::size_t at = 1; at < size; ++at)
    code = code << 6 | (byte(at) & 0x3fu);
  return {code, size};
}

std::string spelt_out(char32_t code) {
  char digits[16];
  std::snprintf(digits, sizeof digits, code < 0x80 ? "\\x%02x" : "\\u{%x}", static_cast<unsigned>(code));
  return digits;
}

// The same on one line: a new line would break the table.
std::string visible(const std::string& text) {
  std::string out;
  for (const char c : printable(text))
    out += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
  return out;
}

std::string csv_cell(const std::optional<std::string>& cell) {
  if (!cell) return {};
  if (!cell->empty() && cell->find_first_of("\",\r\n") == std::string::npos) return *cell;
  std::string quoted = "\"";  // the empty text too: NULL is without quotes
  for (const char c : *cell)
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string tsv_cell(const std::optional<std::string>& cell) {
  std::string out;
  for (const char c : cell.value_or("")) {
    const std::string_view special = "\\\t\n\r";
    const std::size_t at = special.find(c);
    out += at == std::string_view::npos ? std::string(1, c) : std::string("\\") + "\\tnr"[at];
  }
  return out;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.-+eE") == std::string::npos &&
         std::any_of(text.begin(), text.end(), [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

/// How wide columns are, and which of them hold numbers only.
struct Layout {
  std::vector<std::size_t> widths;
  std::vector<bool> numbers;
};

Layout layout_of(const Rows& rows, bool headers) {
  Layout layout;
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    std::size_t widest = headers ? width_of(visible(rows.columns[i])) : 0;
    bool numbers = !rows.rows.empty();
    bool some = false;
    for (const Row& row : rows.rows) {
      widest = std::max(widest, row[i] ? width_of(visible(*row[i])) : 4);
      numbers = numbers && (!row[i] || is_number(*row[i]));
      some = some || row[i].has_value();
    }
    layout.widths.push_back(widest);
    layout.numbers.push_back(numbers && some);
  }
  return layout;
}

std::string cell_of(const std::optional<std::string>& cell, std::size_t width, bool right, bool last) {
  const std::string text = cell ? visible(*cell) : "NULL";
  const std::string shown = cell ? text : styled(text, Style::dim);
  const std::string blanks(width - width_of(text), ' ');
  if (right) return blanks + shown;
  return last ? shown : shown + blanks;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return text;
}

}  // namespace

std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, size] = character_at(std::string_view(text).substr(at));
    const bool control = (code < 0x20 && code != '\n' && code != '\t') || code == 0x7f;
    const bool hidden =
        size > 1 && std::any_of(std::begin(unseen), std::end(unseen), [code = code](const Range& range) {
          return code >= range.first && code <= range.last;
        });
    out += control || hidden ? spelt_out(code) : text.substr(at, size);
    at += size;
  }
  return out;
}

std::string separated_row(const std::string& format, const Row& row) {
  std::string out;
  const bool csv = format == "csv";
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += csv ? ',' : '\t';
    out += csv ? csv_cell(row[i]) : tsv_cell(row[i]);
  }
  return out + "\n";
}

std::string table_text(const Rows& rows, bool headers) {
  const Layout layout = layout_of(rows, headers);
  std::string out;
  const std::size_t count = rows.columns.size();
  if (headers) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string title = upper(visible(rows.columns[i]));
      const std::string blanks(layout.widths[i] - width_of(title), ' ');
      if (layout.numbers[i]) out += blanks;
      out += styled(title, Style::bold);
      if (i + 1 < count) out += (layout.numbers[i] ? "" : blanks) + "  ";
    }
    out += "\n";
  }
  for (const Row& row : rows.rows) {
    for (std::size_t i = 0; i < count; ++i) {
      out += cell_of(row[i], layout.widths[i], layout.numbers[i], i + 1 == count);
      if (i + 1 < count) out += "  ";
    }
    out += "\n";
  }
  return out;
}

// As psql prints results: headers in the middle, a rule, the number of rows.
std::string aligned_text(const Rows& rows, bool headers) {
  const Layout layout = layout_of(rows, headers);
  std::string out;
  const std::size_t count = rows.columns.size();
  if (headers) {
    std::string rule;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string title = visible(rows.columns[i]);
      const std::size_t blanks = layout.widths[i] - width_of(title);
      out += (i > 0 ? "| " : " ") + std::string(blanks / 2, ' ') + styled(title, Style::bold) +
             std::string(blanks - blanks / 2, ' ') + (i + 1 < count ? " " : "");
      rule += (i > 0 ? "+" : "") + std::string(layout.widths[i] + 2, '-');
    }
    out += "\n" + rule + "\n";
  }
  for (const Row& row : rows.rows) {
    for (std::size_t i = 0; i < count; ++i) {
      out += (i > 0 ? "| " : " ") + cell_of(row[i], layout.widths[i], layout.numbers[i], i + 1 == count);
      if (i + 1 < count) out += " ";
    }
    out += "\n";
  }
  const std::size_t number = rows.rows.size();
  return headers ? out + "(" + std::to_string(number) + (number == 1 ? " row)\n" : " rows)\n") : out;
}

std::string markdown_text(const Rows& rows) {
  const auto line = [](const Row& row) {
    std::string out = "|";
    for (const auto& cell : row) {
      out += ' ';
      for (const char c : cell ? visible(*cell) : "NULL")
        out += c == '|' ? std::string("\\|") : std::string(1, c);
      out += " |";
    }
    return out + "\n";
  };
  std::string out = line(Row(rows.columns.begin(), rows.columns.end()));
  out += line(Row(rows.columns.size(), "---"));
  for (const Row& row : rows.rows)
    out += line(row);
  return out;
}

}  // namespace dbgate::cli
