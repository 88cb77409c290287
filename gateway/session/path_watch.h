#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/facts.h"

namespace dbgate::session {

/// What a session has set to that rules may rest on what it is: each value that such a setting may have now, as the
/// statements wrote it. Follows statements that have succeeded, and transactions as the server reports them.
class PathWatch {
 public:
  using Paths = std::vector<std::vector<std::string>>;
  static constexpr std::array<std::string_view, 3> settings = {"search_path", "timezone", "datestyle"};

  /// @param tag  what the server said: ROLLBACK for COMMIT of a transaction that has failed
  void follow(const sql::Statement& statement, std::string_view tag);
  /// ReadyForQuery. @param failed  there was an error since the last one
  void on_ready(char status, bool failed);
  /// Rises when what of() says may have changed.
  std::uint64_t changes() const noexcept { return changes_; }
  /// What stands for a value that is not known: nothing is equal to it.
  static bool is_unknown(const std::vector<std::string>& values);
  /// Of the setting of that place in `settings`. None: it is what it was at the login.
  const Paths& of(std::size_t setting) const noexcept { return tracks_[setting].now; }

 private:
  // … and what is left of it after the transaction if that commits or rolls back, and all of it so far.
  struct Track {
    void set(Paths paths, bool local);
    /// @return false if nothing was set since the last one
    bool end(bool commits);
    void go_back();
    Paths now, after_commit, after_rollback, so_far;
  };

  void end(bool commits);
  void set(std::size_t setting, Paths paths, bool local);

  std::array<Track, settings.size()> tracks_;
  std::uint64_t changes_ = 0;
};

}  // namespace dbgate::session
