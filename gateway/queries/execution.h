#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/queries/entrance.h"
#include "gateway/queries/wire_client.h"

namespace dbgate::queries {

using Cells = std::vector<std::optional<std::string_view>>;

/// One statement, or script, in a session of its own: step by step, no faster than it is asked for. Destroyed before
/// the end: the session ends, and with it what it runs.
class Execution {
 public:
  enum class Step {
    columns,  ///< of the result that begins; none if the statement has no rows
    row,
    notice,
    command,  ///< a statement is through: tag(), truncated()
    end       ///< failure() says how
  };

  /// @param max_rows  of each result: what comes after them is left on the server
  Execution(net::Executor executor, Entrance& entrance, std::shared_ptr<const ports::QueryRequest> request,
            std::size_t max_rows);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// Enters the gateway and sends the statement; what comes of it shows in the steps.
  Task<> begin();
  Task<Step> next();
  /// Whether the next step needs no wait.
  bool at_hand() const noexcept { return ended_ || (client_ && client_->at_hand()); }

  /// Cancels what runs, as often as it takes; if that does not help, breaks off.
  void cancel();
  /// The same because there was enough: that is no failure.
  void stop();
  /// Nobody is interested in more, but what runs shall end in its own way: rows are dropped from here on.
  void drain() noexcept { draining_ = true; }

  const std::vector<ports::QueryColumn>& columns() const noexcept { return columns_; }
  const Cells& cells() const noexcept { return cells_; }  ///< valid until the next step
  const ServerMessage& notice() const noexcept { return notice_; }
  const std::string& tag() const noexcept { return tag_; }
  bool truncated() const noexcept { return truncated_; }
  const std::optional<ports::QueryFailure>& failure() const noexcept { return failure_; }
  std::optional<DecisionNote::Noted> decision() const { return note_->get(); }
  /// The approval that was asked for, if one was.
  std::string approval() const;
  /// Whether it waits for one now.
  bool is_held() const;

 private:
  Task<Result<>> enter_and_send();
  std::optional<Step> on_message(const WireClient::Message& message);
  bool take_columns(protocol::Bytes body);
  bool take_row(protocol::Bytes body);
  void take_error(protocol::Bytes body);
  Step broken(const Error& why);
  Step finish();
  void fail(ports::QueryFailureKind kind, std::string_view code, std::string message);
  void ask_to_end();
  void watch_time();
  void send_another_cancel();

  const net::Executor executor_;
  Entrance& entrance_;
  const std::shared_ptr<const ports::QueryRequest> request_;
  const std::size_t max_rows_;
  const std::shared_ptr<DecisionNote> note_ = std::make_shared<DecisionNote>();
  std::unique_ptr<WireClient> client_;
  net::Alarm time_out_;
  net::Alarm once_more_;
  std::vector<ports::QueryColumn> columns_;
  Cells cells_;
  ServerMessage notice_;
  std::string tag_;
  std::optional<ports::QueryFailure> failure_;
  std::size_t rows_ = 0;  // of the result
  std::size_t cancels_ = 0;
  bool entered_ = false;
  bool in_result_ = false;
  bool truncated_ = false;
  bool cancelled_ = false;
  bool stopped_ = false;
  bool timed_out_ = false;
  bool draining_ = false;
  bool ended_ = false;
  bool held_ = false;
};

}  // namespace dbgate::queries
