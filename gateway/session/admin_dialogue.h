#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/session/judge.h"
#include "gateway/show/tables.h"
#include "gateway/upstream/connection.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {

/// Work that a message of the admin database asks for, and that is recorded before it is done: a Query or an Execute,
/// or a text that is refused.
struct AdminJob {
  enum class Kind : std::uint8_t { query, parse, execute };
  Kind kind = Kind::query;
  std::string text;
  std::string name;  ///< of the prepared statement
  std::vector<show::Command> commands;
  std::optional<Refusal> refusal;
  std::string portal;
  std::int32_t max_rows = 0;
  // What became of it.
  std::string tags;
  std::uint64_t rows = 0;
  SqlState sqlstate = sqlstate::successful_completion;

  /// Whether run() looks at the overview.
  bool needs_overview() const;
};

/// What a client of the admin database says and is answered between its login and its end: PostgreSQL's protocol, both
/// simple and extended, without sockets. Nothing here acts on anything but the dialogue itself.
class AdminDialogue {
 public:
  static constexpr std::size_t most_statements = 1'000;
  static constexpr std::size_t most_portals = 16;
  /// In one message: results may be long, and are put together before they are sent.
  static constexpr std::size_t most_commands = 16;
  /// Of a message: nobody types more.
  static constexpr std::size_t most_message_bytes = 64u << 10;

  /// @param told  the settings that the client was told at its login: SHOW knows them
  explicit AdminDialogue(upstream::StartupParameters told) : told_(std::move(told)) {}

  /// Takes one message. @return what is to be recorded and run; null: it is answered, or needs no answer
  std::unique_ptr<AdminJob> take(char type, protocol::Bytes body);
  /// Answers it, with a refusal if it has one.
  void run(AdminJob& job, const show::Overview& overview);

  /// Whether the client has said goodbye, or has been told that it is over.
  bool over() const noexcept { return over_; }
  /// The same, for what it cannot go on after.
  bool failed() const noexcept { return failed_; }
  void fail(const Refusal& why);
  /// Everything said since the last call.
  std::string take_output() { return std::exchange(output_, {}); }
  std::size_t unsaid() const noexcept { return output_.size(); }
  bool in_transaction() const noexcept { return status_ != 'I'; }

 private:
  struct Statement {
    std::string text;
    std::vector<show::Command> commands;  ///< at most one
  };
  struct Portal {
    std::shared_ptr<const Statement> statement;
    std::string name;  ///< of the statement
    show::Formats formats;
    bool started = false;
    std::vector<std::string> rows;  ///< DataRow messages
    std::size_t next = 0;
    std::string tag;
  };

  std::unique_ptr<AdminJob> query(protocol::Bytes body);
  std::unique_ptr<AdminJob> parse(protocol::Bytes body);
  std::unique_ptr<AdminJob> execute(protocol::Bytes body);
  void bind(protocol::Bytes body);
  void describe(protocol::Bytes body);
  void close(protocol::Bytes body);
  void sync();
  void refuse(const Refusal& why);
  void malformed();

  /// Reads a text. @return why it is none that can be run
  std::optional<Refusal> read(std::string_view text, std::vector<show::Command>& commands) const;
  bool blocked(const show::Command& command) const noexcept;
  std::vector<show::Column> columns_of(const show::Command& command) const;
  show::Table result_of(const show::Command& command, const show::Overview& overview) const;
  /// @return the tag
  std::string act(const show::Command& command);
  void run_query(AdminJob& job, const show::Overview& overview);
  void run_execute(AdminJob& job, const show::Overview& overview);
  void say_columns(const std::vector<show::Command>& commands, const show::Formats& formats);

  const upstream::StartupParameters told_;
  std::map<std::string, std::shared_ptr<const Statement>, std::less<>> statements_;
  std::map<std::string, Portal, std::less<>> portals_;
  std::string output_;
  char status_ = 'I';
  bool skipping_ = false;  ///< up to the next Sync
  bool over_ = false;
  bool failed_ = false;
};

}  // namespace dbgate::session
