#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What a transaction has changed, found without anything installed in its database (docs/commit-gate.md, decision 34).
namespace dbgate::session {

struct Changes;

/// Compares two views of the rows, by the transaction ids that PostgreSQL keeps with every version of a row: the
/// transaction's own connection says which versions it has made and which it still sees, another one which versions
/// others see that it has replaced or deleted. Here stand the questions and what follows from the answers; asking is
/// the relay's matter, and that of whoever has the other connection.
class Comparison {
 public:
  /// Before the first change: what the server has counted so far, and which multixacts are yet to come. Needs no
  /// particular search_path.
  static const char* opening();
  /// Before facts(): names in what follows mean pg_catalog's, every row is seen, or an error.
  static std::string settings(std::chrono::milliseconds limit);
  /// Which tables were changed, and as what transaction.
  std::string facts() const;
  /// One row of an answer to opening(), facts() or own_versions().
  void add(std::string_view line);
  /// Whether facts() has said anything to compare.
  bool changes_something() const noexcept { return !transaction_.empty() && (!tables_.empty() || !unseen_.empty()); }
  const std::vector<std::string>& unseen() const noexcept { return unseen_; }

  /// For another connection to the same database: settings first, in a transaction that only reads; then questions.
  /// The first says whether it is the same server.
  std::string settings_of_others() const;
  std::vector<std::string> versions_of_others() const;
  /// One row of their answers.
  void add_other(std::string_view line);
  bool same_server() const noexcept { return same_server_; }

  /// What the transaction's own connection is asked last.
  std::vector<std::string> own_versions() const;
  /// All of it taken together.
  void finish(Changes& changes) const;

 private:
  struct Table {
    std::string name;  ///< shown; of a partition the whole table's
    std::string from;  ///< quoted, with its schema
    std::string key;   ///< expressions by which versions of one row are told
    std::uint64_t counted = 0;
  };
  struct Version {
    std::size_t table = 0;
    std::string key;
    std::string image;
    std::string place;                ///< ctid; of those that others see
    std::vector<std::string> enders;  ///< transactions that may have ended it
  };

  bool fits(const Version& version);
  Table* table_of(std::string_view& said);

  std::string next_multixact_ = "1";  ///< when the gate was opened
  std::map<std::uint32_t, std::uint64_t> counted_before_;
  bool counts_ = true;
  std::string transaction_;  ///< 64 bits with its epoch, decimal; empty: it has changed nothing
  std::string backend_;
  std::string span_ = "0";  ///< of transaction ids since that one
  bool same_server_ = false;
  std::vector<std::pair<std::string, std::string>> settings_;  ///< on which the text of values rests
  std::map<std::size_t, Table> tables_;
  std::vector<std::string> unseen_;
  std::vector<Version> others_, own_;
  std::set<std::pair<std::size_t, std::string>> still_seen_;  ///< table and place
  std::set<std::string> running_;
  std::size_t bytes_ = 0;
  bool too_many_ = false;
};

}  // namespace dbgate::session
