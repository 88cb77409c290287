#pragma once
#include <map>
#include <string>
#include <string_view>

#include "gateway/session/judge.h"
#include "gateway/sql/facts.h"

namespace dbgate::session {

/// Follows the settings that the meaning of a text rests on (search_path, role, DateStyle, settings of an application's
/// own …): whoever has agreed to a text has agreed to what it meant. Fed with statements that have succeeded, and
/// transactions as the server reports them. What functions set beneath is not seen.
class MeaningWatch {
 public:
  /// @param tag  what the server said: ROLLBACK for COMMIT of a transaction that has failed
  void follow(const sql::Statement& statement, std::string_view tag);
  /// ReadyForQuery. @param failed  there was an error since the last one
  void on_ready(char status, bool failed);

  /// Empty: as at the login. Else two sessions that began alike have the same only if a text means the same in both.
  std::string state() const;

 private:
  // By setting what was done to it, as a hash where that was more than one step.
  using Steps = std::map<std::string, std::string, std::less<>>;
  void change(Steps& steps, const sql::SettingUse& use) const;
  void end(bool commits);
  void lose();

  Steps now_, after_commit_, after_rollback_;
  bool in_block_ = false;
};

/// Of what a server connection was told when it was made, that which the meaning of texts rests on.
std::string meaning_of(const ServerSettings& given);

}  // namespace dbgate::session
