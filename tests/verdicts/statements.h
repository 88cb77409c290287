#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace dbgate::tests {

/// Makes statements of all kinds, good and bad, and others of them that differ in constants.
class Statements {
 public:
  explicit Statements(std::uint64_t seed) : random_(seed) {}

  /// Adds the lines of files under a folder as beginnings: "*.sql" and "*.txt". @return how many
  std::size_t read(const std::string& folder);

  /// One that is made by a small grammar, or a line that was read, a bit changed or not.
  std::string make();
  /// The same with other constants: mostly of the same kind, now and then of another, or of none.
  std::string with_other_constants(const std::string& text);
  /// A text that has this key (sql/text_key.h).
  std::string of_key(const std::string& key);

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  bool once_in(std::size_t times) { return below(times) == 0; }
  template <std::size_t N>
  std::string one_of(const char* const (&list)[N]) {
    return list[below(N)];
  }
  std::string constant(char kind);
  /// What stands behind LIKE in a key: a string that begins with a wildcard and has more than %, or one that does not.
  std::string pattern(bool wildcard);
  std::string any_constant();
  std::string oper();
  std::string column();
  std::string table();
  std::string expression(int depth);
  std::string condition(int depth);
  std::string select(int depth);
  std::string tail();
  std::string insert();
  std::string update();
  std::string delete_();
  std::string list(std::size_t most, int depth);
  std::string usual();
  std::string damaged(std::string text);
  /// Of the form that keys leave out.
  std::string plain_comment();
  /// Mostly of that form.
  std::string comment();

  std::mt19937_64 random_;
  bool tame_ = false;  // nothing unusual in this one: else few would have a key
  std::vector<std::string> lines_;
};

}  // namespace dbgate::tests
