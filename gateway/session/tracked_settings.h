#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/sql/facts.h"

namespace dbgate::session {

/// What a session has set for itself, as statements that set it again: by name, in the order of the first time.
using SettingTexts = std::vector<std::pair<std::string, std::string>>;

using ChannelNames = std::set<std::string, std::less<>>;

/// Follows SET and RESET, LISTEN and UNLISTEN through transactions and savepoints, so that another server connection
/// can be brought to where the last one was (PostgreSQL docs, SET: what a transaction sets is gone if it is rolled
/// back).
class TrackedSettings {
 public:
  static constexpr std::size_t most = 100;
  static constexpr std::size_t most_bytes = 16 * 1024;

  /// Whether a statement may be of any concern here: its text has to be at hand when it is through.
  static bool concerns(const sql::Statement& statement);

  /// A statement is through. `text` is its own, `tag` what the server said.
  void on_complete(const sql::Statement& statement, std::string_view text, std::string_view tag);
  /// ReadyForQuery; `failed`: there was an error since the last one.
  void on_ready(char status, bool failed);

  /// In force outside of transactions; null: nothing was set. Another list is another object.
  const std::shared_ptr<const SettingTexts>& current() const noexcept { return current_; }
  /// What the session listens to: LISTEN takes effect with its transaction (PostgreSQL docs, LISTEN).
  const ChannelNames& channels() const noexcept { return channels_; }
  /// Tells apart what is in force for the statement that comes next, within a transaction too: equal only where the
  /// settings are. Empty: as at the login.
  const std::string& in_force() const noexcept { return in_force_; }
  /// Whether everything is as it was at the login, and nothing is under way.
  bool as_at_login() const noexcept { return !current_ && pending_.empty() && in_force_.empty() && !too_many_; }
  /// Whether the session has a setting of its own of that name, outside of transactions.
  bool sets(std::string_view name) const;
  /// Whether there is more than can be kept.
  bool too_many() const noexcept { return too_many_; }

 private:
  struct Change {
    enum class Of : std::uint8_t { setting, listen, unlisten };
    std::string name;  ///< empty: all
    std::string text;  ///< empty: back to what it was at the login
    Of of = Of::setting;
  };
  void apply();
  void apply_settings();
  void add(const sql::SettingUse& use, std::string text);
  void add_channel(std::string name, Change::Of of);

  std::shared_ptr<const SettingTexts> current_;
  ChannelNames channels_;
  std::vector<Change> pending_;  // of the transaction under way
  std::vector<std::pair<std::string, std::size_t>> savepoints_;
  std::string in_force_;
  std::string outside_;  // in_force_ outside of transactions
  bool too_many_ = false;
};

}  // namespace dbgate::session
