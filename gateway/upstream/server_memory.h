#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dbgate::upstream {

/// What makes two prepared statements the same for a server: the text and the parameter types as Parse gives them
/// (OIDs, four bytes each, after the text and a zero byte), and the settings under which it is parsed: constants are
/// read by DateStyle and the like then.
struct StatementKey {
  std::string bytes;
  std::size_t parse_bytes = 0;  ///< of them, those that Parse gives; the rest tells settings apart
  std::size_t hash = 0;

  explicit StatementKey(std::string parse, std::string_view settings = {})
      : bytes(std::move(parse)), parse_bytes(bytes.size()) {
    bytes += settings;
    hash = std::hash<std::string_view>{}(bytes);
  }
  friend bool operator==(const StatementKey& a, const StatementKey& b) {
    return a.parse_bytes == b.parse_bytes && a.bytes == b.bytes;
  }
};
using StatementKeyPtr = std::shared_ptr<const StatementKey>;

/// The prepared statements that one server connection holds under names of dbgate's own, most recently used first.
class ServerStatements {
 public:
  static constexpr std::size_t most_bytes = 1u << 20;  ///< of texts, on one server connection
  static constexpr std::size_t most_statements = 1'000;

  struct Statement {
    StatementKeyPtr key;
    std::string name;        ///< on the server
    std::uint64_t stretch;   ///< of messages, in which it was sent
    bool confirmed = false;  ///< the server has said that it is there
    /// Tells result types apart; it is the same as long as the server holds the statement, or the server refuses to run
    /// it. 0: not known.
    std::uint64_t result = 0;
  };

  /// Null: the server holds none. A hit becomes the most recently used.
  Statement* find(const StatementKey& key);
  /// Replaces what the key stood for before. @return the new one, with a name never used on this connection
  Statement& add(StatementKeyPtr key, std::uint64_t stretch);
  /// The statement of that name stands for another key from now on: what it was prepared with is known better.
  void give_key(std::string_view name, StatementKeyPtr key);
  void confirm(std::string_view name);
  void note_result(std::string_view name, std::uint64_t result);
  /// The server has none of that name (any more).
  void remove(std::string_view name);
  /// The server has it still, and nobody wants it.
  void close_later(std::string name) { replaced_.push_back(std::move(name)); }
  /// All of them, so that each is given to the server anew.
  void close_all_later();
  void clear();
  /// A name that should be closed on the server, and is forgotten here: too much is held. Empty: nothing has to go.
  std::string take_surplus();
  std::size_t size() const noexcept { return by_key_.size(); }

 private:
  Statement* named(std::string_view name);
  struct Hash {
    std::size_t operator()(const StatementKeyPtr& key) const noexcept { return key->hash; }
    std::size_t operator()(const StatementKey& key) const noexcept { return key.hash; }
    using is_transparent = void;
  };
  struct Equal {
    bool operator()(const StatementKeyPtr& a, const StatementKeyPtr& b) const noexcept { return a == b || *a == *b; }
    bool operator()(const StatementKey& a, const StatementKeyPtr& b) const noexcept { return &a == b.get() || a == *b; }
    bool operator()(const StatementKeyPtr& a, const StatementKey& b) const noexcept { return operator()(b, a); }
    using is_transparent = void;
  };
  using List = std::list<Statement>;
  void drop(List::iterator at);

  List list_;
  std::unordered_map<StatementKeyPtr, List::iterator, Hash, Equal> by_key_;
  std::list<std::string> replaced_;  // held by the server, wanted by nobody
  std::uint64_t names_ = 0;
  std::size_t bytes_ = 0;
};

/// What a server connection holds beyond one that has just logged in.
struct ServerMemory {
  ServerStatements statements;
  std::shared_ptr<const void> unnamed;  ///< whose its unnamed statement is; null: nobody's who could use it again
  std::uint64_t unnamed_result = 0;     ///< as ServerStatements::Statement::result
  std::string user;                     ///< of dbgate: for whom it worked last; empty: nobody yet
  std::optional<std::string> application_name;  ///< none: has to be told
  bool listens = false;                         ///< to channels of which nobody is told here (channels.h)
  bool littered = false;  ///< functions may have left here what DISCARD ALL takes away: its session ends with that
  bool stained = false;   ///< … or what nothing takes away: from here on it is for `user` alone
  std::shared_ptr<const void> settings;  ///< the list of settings in force (identity counts); null: as it logged in
  /// Of the target, by sessions of all threads: what was prepared before one may return other columns now. Null: nobody
  /// counts.
  std::shared_ptr<std::atomic<std::uint64_t>> catalog_changes;
  std::uint64_t changes_seen = 0;  ///< what is held was prepared after so many

  /// Statements that were prepared before the last change are held no longer.
  void forget_outdated();
};

}  // namespace dbgate::upstream
