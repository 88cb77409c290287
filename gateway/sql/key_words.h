#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The words that text_key.cpp knows, and what they say of a constant behind them.
namespace dbgate::sql {

enum class Word : std::uint8_t {
  name,
  first,     ///< begins a statement that is taken apart
  joins,     ///< a constant behind it is an operand: BETWEEN 1 AND 2
  like,      ///< … and a pattern
  clause,    ///< an expression or a query follows, in parentheses or not
  on,        ///< … but DISTINCT ON counts positions
  in,        ///< a list in parentheses
  values,    ///< rows in parentheses
  distinct,  ///< of DISTINCT ON
  stops,     ///< behind it numbers may be positions, or counts of rows
  refuses    ///< rules look at constants beside it: psql's questions for definitions, settings by function
};

struct Known {
  std::string_view text;
  Word word;
};
inline constexpr auto known_words = std::to_array<Known>({{"select", Word::first},
                                                          {"insert", Word::first},
                                                          {"update", Word::first},
                                                          {"delete", Word::first},
                                                          {"and", Word::joins},
                                                          {"between", Word::joins},
                                                          {"like", Word::like},
                                                          {"ilike", Word::like},
                                                          {"where", Word::clause},
                                                          {"or", Word::clause},
                                                          {"not", Word::clause},
                                                          {"when", Word::clause},
                                                          {"then", Word::clause},
                                                          {"else", Word::clause},
                                                          {"from", Word::clause},
                                                          {"join", Word::clause},
                                                          {"having", Word::clause},
                                                          {"exists", Word::clause},
                                                          {"on", Word::on},
                                                          {"in", Word::in},
                                                          {"values", Word::values},
                                                          {"distinct", Word::distinct},
                                                          {"order", Word::stops},
                                                          {"group", Word::stops},
                                                          {"limit", Word::stops},
                                                          {"offset", Word::stops},
                                                          {"fetch", Word::stops},
                                                          {"window", Word::stops},
                                                          {"over", Word::stops},
                                                          {"within", Word::stops},
                                                          {"filter", Word::stops},
                                                          {"partition", Word::stops},
                                                          {"tablesample", Word::stops},
                                                          {"for", Word::stops},
                                                          {"interval", Word::stops},
                                                          {"oid", Word::refuses},
                                                          {"ev_class", Word::refuses},
                                                          {"rulename", Word::refuses},
                                                          {"set_config", Word::refuses},
                                                          {"current_setting", Word::refuses},
                                                          {"pg_get_viewdef", Word::refuses},
                                                          {"pg_settings", Word::refuses},
                                                          {"pg_show_all_settings", Word::refuses}});

inline constexpr std::size_t longest_known = 20;

/// The known words by length, and where those of each length begin.
struct ByLength {
  std::array<Known, known_words.size()> words = known_words;
  std::array<std::uint8_t, longest_known + 2> begin{};
};
inline constexpr ByLength by_length = [] {
  ByLength made;
  std::sort(made.words.begin(), made.words.end(),
            [](const Known& a, const Known& b) { return a.text.size() < b.text.size(); });
  for (const Known& known : made.words) {
    for (std::size_t longer = known.text.size() + 1; longer < made.begin.size(); ++longer)
      ++made.begin[longer];
  }
  return made;
}();

// By length, the first letters of known words: most names are told from them by these.
inline constexpr std::array<std::uint32_t, longest_known + 1> first_letters = [] {
  std::array<std::uint32_t, longest_known + 1> table{};
  for (const Known& known : known_words)
    table[known.text.size()] |= 1u << (known.text[0] - 'a');
  return table;
}();

inline Word word_of(std::string_view written) {
  if (written.size() > longest_known) return Word::name;
  // Of '_', the letter is none.
  const unsigned letter = static_cast<unsigned char>(written[0] | 0x20) - static_cast<unsigned>('a');
  if (letter > 25 || (first_letters[written.size()] >> letter & 1) == 0) return Word::name;
  char folded[longest_known];
  for (std::size_t i = 0; i < written.size(); ++i)
    folded[i] = static_cast<char>(written[i] >= 'A' && written[i] <= 'Z' ? written[i] | 0x20 : written[i]);
  const std::string_view text(folded, written.size());
  for (std::size_t i = by_length.begin[text.size()]; i < by_length.begin[text.size() + 1]; ++i) {
    const Known& known = by_length.words[i];
    if (known.text[0] == text[0] && known.text == text) return known.word;
  }
  return Word::name;
}

}  // namespace dbgate::sql
