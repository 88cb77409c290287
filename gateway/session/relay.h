#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/session/advice.h"
#include "gateway/session/bind_records.h"
#include "gateway/session/expected.h"
#include "gateway/session/hold.h"
#include "gateway/session/judge.h"
#include "gateway/session/meaning_watch.h"
#include "gateway/session/outgoing.h"
#include "gateway/session/pool_side.h"
#include "gateway/session/quota.h"
#include "gateway/session/read_side.h"
#include "gateway/session/receipts.h"
#include "gateway/session/trail.h"
#include "protocol/postgres/bytes.h"
#include "protocol/postgres/frame.h"

namespace dbgate::session {

using protocol::Bytes;
struct ReadBatch;
struct GateSide;
enum class GateStage : std::uint8_t;

struct RelayLimits {
  std::size_t max_statement_bytes = 8u << 20;      ///< Query and Parse
  std::size_t max_message_bytes = (1u << 30) - 1;  ///< everything that streams
  std::size_t inline_statement_bytes = 64u << 10;  ///< larger texts are analysed on a parser thread
  std::size_t prepared_statements = 10'000;
  std::size_t portals = 1'000;
  ParameterRecord parameters = ParameterRecord::values;
  std::size_t outstanding_messages = 8192;  ///< forwarded and not answered; bounds a session's memory
};

/// What a relay has been told that lasts longer than a transaction.
struct RelayRest {
  Names statements;
  TrackedSettings settings;
  LockWatch locks;
  MeaningWatch meaning;
  PathWatch paths;
  Segment segment = 1;
  bool rewritten = false;
};

/// The protocol state machine of one session between login and Terminate: which frontend messages may pass, what
/// replies are owed, where a refusal stands among them. Knows neither sockets nor time-outs; the session feeds it what
/// arrives on either side and writes what it leaves.
///
/// A refused statement must fail exactly where it stands: everything before it in the pipeline runs, everything after
/// it up to Sync does not, and an open transaction is aborted. Only the server can do all that, so in its place dbgate
/// sends a statement that cannot be parsed and puts the refusal over the server's syntax error. When the server is idle
/// outside a transaction and nothing is under way, dbgate answers itself.
class Relay {
 public:
  enum class Next : std::uint8_t {
    more,      ///< everything that could be handled was; read more
    wait,      ///< the next message can be handled only after outstanding replies
    server,    ///< the next message needs a server connection: attach_server() or refuse_for_server(), then go on
    listen,    ///< catches_up(): caught_up(); else channels_wanted() come first: hold_channels() or refuse_channels()
    hold,      ///< held() has to be agreed to by others first: answer_hold(), then go on
    ask,       ///< questions() have to be put to models first: answer_questions(), then go on
    analyze,   ///< a large statement text waits: analyse `text_to_analyze()` elsewhere, then offer_analysis()
    finished,  ///< Terminate: nothing more will be read
    broken     ///< `failure()` says why; the connection must be closed after what is left to write was written
  };
  struct Step {
    Next next = Next::more;
    std::size_t taken = 0;   ///< bytes of the input that are done with, once written
    std::size_t wanted = 0;  ///< `more`: the whole size of the message that lies incomplete at the end, if known
  };

  /// `limiter` may be null: no limits of policies.
  Relay(Judge& judge, Trail& trail, const RelayLimits& limits, bool replication, Limiter* limiter = nullptr,
        Sharing sharing = Sharing::none);
  ~Relay();

  /// Results of reads may be kept from now on; before anything was handled.
  void keep_reads(std::unique_ptr<ReadSide> reads) { reads_ = std::move(reads); }

  /// The client has asked for receipts when it connected; before anything was handled.
  void give_receipts() { locks_ = LockWatch(true); }

  /// What to do for a statement that wants to be alone with a database (sql::vacates()).
  void vacate_by(std::function<void(const std::string& database)> how) { vacate_ = std::move(how); }

  /// Handles frontend messages from the start of `input`. Fills to_server() and local_replies().
  Step on_frontend(Bytes input);
  /// Handles backend messages. Fills to_client().
  Step on_backend(Bytes input);

  Outgoing& to_server() noexcept { return to_server_; }
  Outgoing& to_client() noexcept { return to_client_; }
  /// Replies that dbgate makes without the server; written to the client by whoever handled the frontend's bytes.
  Outgoing& local_replies() noexcept { return local_replies_; }

  std::string_view text_to_analyze() const noexcept { return text_to_analyze_; }
  void offer_analysis(std::shared_ptr<const Analysis> analysis) { offered_ = std::move(analysis); }

  // Statements that wait until others agree (relay_hold.cpp).
  const HoldQuestion& held() const noexcept { return hold_->question; }
  void answer_hold(HoldAnswer answer);

  // What models are asked (relay_models.cpp).
  const std::vector<ports::RiskQuestion>& questions() const noexcept { return asking_->questions; }
  void answer_questions(Heard heard);
  /// The client will not wait for the answers.
  void give_up_questions();
  /// What is asked without a statement waiting for it.
  std::vector<LateQuestions>& late_questions() noexcept { return late_; }
  const Error& failure() const noexcept { return failure_; }
  /// How many decisions have been recorded so far.
  std::uint64_t decisions() const noexcept { return trail_.decisions(); }
  char transaction_status() const noexcept { return status_; }
  /// Whether the server works on something for the frontend.
  bool busy() const noexcept { return !expected_.empty(); }
  /// Whether more statements wait there: when what runs is cancelled, they begin.
  bool has_queue() const noexcept;
  /// Whether the server reads copy data or may come to: it will not end that by itself.
  bool copying_in() const noexcept { return copy_in_ != CopyIn::none || copies_to_come_ > 0; }
  /// Whether the client has been sent a message in part: nothing may be put in between.
  bool in_message_to_client() const noexcept { return backend_rest_ > 0 && backend_pass_ == Pass::forward; }
  /// Whether the server has announced that it ends the session.
  bool server_said_why() const noexcept { return fatal_seen_; }
  bool in_transaction() const noexcept { return status_ != 'I' || dirty_; }
  /// Whether extended-query messages have come without the Sync that makes the server answer them.
  bool lacks_sync() const noexcept { return dirty_; }
  /// Since when the first statement runs whose reply is owed; none: there is none.
  std::optional<std::chrono::steady_clock::time_point> running_since() const noexcept;

  // Shared server connections (relay_pooled.cpp). Without sharing there is one from the start.
  void attach_server(upstream::ServerMemory& memory);
  void detach_server();
  void refuse_for_server(const Error& why);
  /// Whether the session is between transactions, and nothing is under way in either direction.
  bool at_rest() const noexcept;
  /// Why the server connection cannot change hands all the same; none without sharing.
  const Pins& pins() const;
  /// What statements have left on a server connection that is not shared.
  policy::Residue residue() const noexcept { return residue_; }
  const std::shared_ptr<const SettingTexts>& settings() const { return pool_->settings.current(); }

  // Notifications, where server connections are shared (relay_listen.cpp).
  const ChannelNames& channels_wanted() const;
  /// Whether it is an UNLISTEN that waits: what was committed before has to be here first, then caught_up().
  bool catches_up() const noexcept { return pool_->inbox->catches_up; }
  void caught_up();
  /// `let_go`: see Inbox.
  void hold_channels(std::function<void(const std::string&)> let_go);
  void refuse_channels(const Error& why);
  /// False: the client has left too many unread.
  bool take_notification(const upstream::NotificationPtr& notification);
  /// Whether there are some, and the client may be told now.
  bool may_tell() const noexcept;
  void tell_notifications(Outgoing& client);
  /// Takes no more of them.
  void close_inbox() { pool_->inbox->close(); }

  // Limits of policies (relay_limits.cpp).
  using Clock = std::chrono::steady_clock;
  /// What dbgate has to say to the server by itself, because of replies. Nothing of the frontend is under way then.
  Outgoing& own_words() noexcept { return own_words_; }
  /// Whether what runs has to be cancelled, because it passed a limit. Says so once.
  bool take_cancel() noexcept { return std::exchange(cancel_due_, false); }
  bool cancel_is_due() const noexcept { return cancel_due_; }
  /// When something is over time: never, unless there are limits.
  Clock::time_point due() const noexcept {
    if (expected_.empty()) return std::min(idle_due_, rejudge_due_);
    return expected_.front().under ? std::min(expected_.front().under->deadline, rejudge_due_) : rejudge_due_;
  }
  enum class Overdue : std::uint8_t {
    nothing,
    cancel,   ///< what runs
    end,      ///< the session; failure() says why
    unread,   ///< the catalog has to be read: what waits on the server rests on it
    outlived  ///< the session: what waits on the server may not run any more; failure() says so
  };
  /// What to do about what is due.
  Overdue on_time();
  /// The rule of the limit that ended the session; empty: none did.
  const std::string& ended_by() const noexcept { return ended_by_; }

  /// Gives unused memory back.
  void trim();
  /// Whether all there is to know of the session is what take_rest() says, as far as the relay knows: it is between
  /// transactions, holds nothing on a server connection, and owes nobody anything.
  bool may_rest() const noexcept;
  /// Ends this relay; another one may go on from there. Null: from the beginning.
  std::unique_ptr<RelayRest> take_rest();
  void go_on_from(RelayRest&& rest);
  /// Ends what is under way in the audit trail; the server connection is gone.
  void abandon(const Error& why);

 private:
  enum class CopyIn : std::uint8_t { none, streaming };
  enum class Pass : std::uint8_t { forward, drop };

  static constexpr std::size_t max_judged_bind = 1u << 20;     // where rules look at values
  static constexpr std::size_t max_small_message = 64 * 1024;  // of messages that hold names and counts only

  // Frontend side (relay_frontend.cpp; extended queries: relay_extended.cpp).
  bool handle_frontend(char type, Bytes message, bool partial);
  std::size_t frontend_limit(char type) const;
  void on_query(Bytes message, Bytes body);
  void on_parse(Bytes message, Bytes body);
  bool on_bind(Bytes message, Bytes body, bool partial);
  enum class BindStep : std::uint8_t { go_on, again, refused };
  BindStep judge_bind(PreparedPtr& prepared, Bytes body, bool partial);
  bool rests_on_block(const Judged& judged) const;
  bool record_bind(Bytes message, Bytes body, std::size_t values);
  void on_describe(Bytes message, Bytes body);
  void on_close(Bytes message, Bytes body);
  void on_execute(Bytes message, Bytes body);
  void on_sync(Bytes message, Bytes body);
  void on_function_call(Bytes message);
  void on_copy_message(char type, Bytes message);
  bool must_wait();
  void ask_for_owed();
  void say_flush();
  bool copy_is_open() const noexcept;
  bool allowed_while_copying(char type);
  void copy_begins();
  std::string definitions_by_protocol(const sql::Script& script) const;
  Result<Id> record(const Judged& judged, std::string_view text, std::string_view protocol, std::string_view name);
  void queue(Run& run, const Judged& judged, const std::shared_ptr<const BoundValues>& bound);
  Overdue rejudge();
  Overdue outlived();
  Stands stands_now(const Expected& entry, const Queued& queued, std::size_t from);
  std::string_view simple_protocol() const noexcept { return replication_ ? "replication" : "simple"; }
  Refusal record_denial(const Judged& judged, std::string_view text, std::string_view protocol, std::string_view name);
  void refuse_oversized(const protocol::MessageHeader& header);
  void note_receipt(std::string_view query_id);
  void say_ready();
  void refuse_simple(const Refusal& refusal);
  void refuse_extended(const Refusal& refusal, bool unnamed_parse);
  bool server_untouched() const noexcept {
    return expected_.empty() && doubtful_syncs_ == 0 && !dirty_ && status_ == 'I';
  }
  void fail(SqlState code, std::string message);
  std::shared_ptr<const Analysis> analysis_of(std::string_view text);
  Judge& judging() {
    judge_.see(locks_, moved_.get());
    judge_.keeps_settings(paths_);
    return judge_;
  }
  bool may_recall() { return !moved_ && judge_.keeps_settings(paths_); }
  Expected& expect(Expected::Kind kind);
  std::unique_ptr<Run> announce(const Judged& judged, std::string_view text, std::string_view protocol,
                                std::string_view name);
  const std::vector<rewrite::ColumnOrigin>* described_origins() const;
  void forward_description(Bytes message, Bytes body);
  void pend_effects(Expected& entry, const sql::Script& script, const std::shared_ptr<const Sent>& sent,
                    std::string_view text, const std::shared_ptr<Meter>& portal = nullptr,
                    const std::shared_ptr<const BoundValues>& bound = nullptr);

  // … and what waits until others agree (relay_hold.cpp), transactions before their COMMIT (relay_gate*.cpp).
  bool is_gated(const Judged& judged) const noexcept {
    return !judged.refused && (gate_ || (judged.verdict && judged.verdict->gate));
  }
  bool gate_may_speak();
  void say_step(std::string_view text);
  void end_steps(GateStage stage);
  void abandon_own_block();
  bool open_gate(Judged& judged, std::string_view text, const std::shared_ptr<const BoundValues>& bound);
  bool settle_gate(std::string_view protocol);
  void read_changes();
  void compare_after_all();
  bool compare_changes();
  void judge_gated_again();
  void answer_gate(HoldAnswer answer);
  std::string gate_error();
  bool gate_found_failed();
  bool gate_lets_commit(Judged& judged, std::string_view text, std::string_view protocol, std::string_view name,
                        std::string& error);
  bool go_on_gated();
  bool gated_query(Judged& judged, std::string_view text);
  void wrap_query(Expected& entry);
  void end_by_query(std::string_view text);
  bool finish_wrapped();
  bool gated_execute(Judged& judged, const Prepared& prepared, std::string_view portal);
  bool end_own_block();
  bool end_wrapped_copy(Bytes message);
  bool gate_reply(char type, Bytes message, Bytes body);
  bool gate_keeps_tag(Bytes message, std::string_view tag);
  bool wrapped_ready(char status);
  // What others have said no to, or its client has given up, does not run, even if policies ask nobody by now.
  bool turned_down(const Judged& judged) const noexcept { return hold_ && hold_->answer && !judged.refused; }
  bool settle_hold(Judged& judged, std::string_view text, std::string_view protocol, std::string_view values);
  bool append_definitions(const sql::Script& script, std::string& defined, std::string& meanings,
                          bool& by_cursor) const;
  bool settle_portal(Judged& judged, const Prepared& portal);
  BindStep note_held_values(PreparedPtr& prepared, std::string_view portal, std::string_view values,
                            std::size_t announced, bool partial, bool held);

  // … or for what models say of it (relay_models.cpp).
  bool settle_models(Judged& judged);
  bool is_left_to_execute(const Prepared& prepared) const;
  BindStep advise_bound(PreparedPtr& prepared, std::string_view portal);
  void ask_afterwards(Advice& advice, const Id& query_id);

  // Shared server connections (relay_pooled.cpp).
  bool lacks_server(char type);
  bool refused_for_server(char type);
  bool is_duplicate(std::string_view name);
  std::optional<Refusal> refusal_of_names(const Judged& judged) const;
  std::string without_shared_names(const sql::Script& script, std::string_view text) const;
  bool stood_for_deallocate(Bytes complete) const;
  BindStep put_on_server(const PreparedPtr& prepared, std::string& server_name);
  std::string parse_as(const upstream::StatementKeyPtr& key, bool own);
  void parse_unnamed(const PreparedPtr& prepared);
  bool close_on_server(std::string_view name, std::string& server_name);
  void close_surplus();
  void drop_unnamed();
  std::optional<Refusal> refusal_of_block(const sql::Script& script) const;
  // … and what the frontend knows of results (relay_results.cpp).
  BindStep same_result(const PreparedPtr& prepared, const std::string& server_name, std::uint64_t result) {
    const bool same = prepared->told == 0 || prepared->told == result;
    return same ? BindStep::go_on : compare_result(prepared, server_name, result);
  }
  // A server's statement that returns something else may be older than the frontend's: one parsed anew can tell.
  bool outdated(const Prepared& prepared, const upstream::ServerStatements::Statement& held) const {
    if (prepared.told == 0 || held.result == 0 || held.result == prepared.told) return false;
    return pool_->asked_for.get() != &prepared || pool_->asked_name != held.name;
  }
  BindStep compare_result(const PreparedPtr& prepared, const std::string& server_name, std::uint64_t result);
  void note_untold(const PreparedPtr& prepared, std::string_view portal, const std::string& server_name);
  void note_result(std::optional<Bytes> row_description);
  void ask_about(const PreparedPtr& prepared, const std::string& server_name);
  // relay_parameters.cpp
  bool is_untyped(const Prepared& prepared) const noexcept {
    return pool_ && prepared.open_types && prepared.key && !prepared.typed_key;
  }
  void ask_for_types(const PreparedPtr& prepared, const std::string& server_name);
  void note_parameters(Bytes body);
  std::optional<Refusal> refusal_of_channels(const sql::Script& script);
  bool waits_to_catch_up(const sql::Script& script);
  void settle_channels(char status);
  // Changes of the catalog (relay_catalog.cpp).
  void note_catalog_change();
  void touch_catalog(const sql::Statement& statement, std::string_view text);
  void catalog_follows(const Run& run, const sql::Statement& statement, std::string_view tag);
  void catalog_ready(char status, Segment answered);
  void pin(const sql::Script& script);
  void note_residue(policy::Residue residue);
  void shared_complete(const Run& run, const sql::Statement& statement, std::string_view tag);
  void shared_ready(char status);
  void settle_on_server(const Expected& entry, bool succeeded);
  Pins pins_to_come(const Run& run) const;
  // What dbgate has set on a server connection and the frontend has reset (relay_restore.cpp).
  void hold_behind_discard(Expected& entry);
  bool left_discard(const Expected& entry, bool succeeded);
  void say_restore(bool role);
  void show_own_name();
  bool restore_reply(char type, Bytes body);
  bool is_foreign_name(std::string_view setting, std::string_view value) const;

  // Reads that are answered from memory (relay_reads.cpp).
  bool may_be_kept(const Judged& judged) const;
  std::string& key_of_read(std::string_view form, std::string_view text);
  bool within_limits(const KeptResult& result) const;
  const std::string& settings_in_force() const;
  bool answers_query(const Judged& judged, std::string_view text, const LimitTraits& traits);
  void give_out(const KeptResultPtr& kept, Run& run);
  // … of extended queries (relay_read_batch.cpp).
  PreparedPtr statement_of_batch(const ReadBatch& batch);
  std::size_t answers_batch(Bytes input);
  bool give_out_batch(const ReadBatch& batch, const PreparedPtr& prepared, Judged& judged, const KeptResultPtr& kept);
  void forget_unnamed();
  void give_unnamed();
  void note_tracks(const std::shared_ptr<const policy::Footprint>& footprint);
  void follow_settings(const Run& run, const sql::Statement& statement, std::string_view tag);
  void complete_read(Bytes message, std::string_view tag);
  void reads_ready(char status);

  // Backend side (relay_backend.cpp).
  bool handle_backend(char type, Bytes message, Bytes body);
  void on_error(Bytes message, Bytes body);
  void forward_error(Bytes message, Bytes body);
  void on_ready(char status, Bytes message);
  void on_complete(std::string_view tag);
  void settle_effects(const Run& run, const sql::Statement& statement, bool succeeded);
  void pop_front(bool succeeded);
  void skip_to_sync();
  void finish_run(Run& run, std::string_view sqlstate);
  bool check_parameter(Bytes body);
  // … and which replies can be believed (relay_replies.cpp).
  std::size_t pass_rows(Bytes rest);
  bool reply_fits(char type) const;
  bool takes_ready() const;

  // Limits of the rows that statements change (relay_caps.cpp).
  bool caps_stop_query(const Judged& judged, std::string_view text);
  void cap_rows(Expected& entry, const std::vector<RowCap>& caps);
  bool changed_too_much(Expected& entry, Bytes body);

  // Limits, frontend side (relay_limits.cpp).
  bool refuse_by_size(std::string_view text, std::string_view name, bool simple);
  bool held_back(char type);
  bool sync_may_follow() const;
  void ask_for_replies(char type);
  bool waits_to_be_guarded(const LimitTraits& traits);
  bool guards(const LimitTraits& traits) const;
  std::optional<OverLimit> admit(const LimitTraits& traits, const Meter* portal);
  void put_under_limits(Expected& entry, const LimitTraits& traits);
  void meter(Run& run, const sql::Statement& statement, const std::shared_ptr<Meter>& portal);
  bool executes_gathering(const sql::Statement& statement) const;
  std::shared_ptr<Meter> cursor_meter(const std::string& name);
  std::shared_ptr<Meter> loose_meter(const std::string& name);
  PreparedPtr metered(PreparedPtr prepared) const;
  // … and backend side (relay_stop.cpp).
  bool limited_reply(char type, Bytes message, Bytes body);
  bool wants_row(char type, std::size_t body_bytes) const;
  void keep_row(char type, Bytes message, Bytes body);
  bool guarded_reply(char type, Bytes message, Bytes body);
  bool guard_running(char type, Bytes message, Bytes body);
  bool guard_ready(char status);
  bool stopped_reply(char type);
  bool counted(char type, Bytes message, Bytes body);
  void stop(Expected& entry, OverLimit over);
  void undo(Expected& entry, const std::string& with);
  bool error_is_hidden(const Expected& entry) const;
  void note_error(Expected& entry, SqlState code);
  void leave_limits(const UnderLimits& under);
  void start_clock();
  void note_idle();

  Judge& judge_;
  Trail& trail_;
  Receipts receipts_;
  Refusal not_recorded_;  ///< what a statement is refused with that the log has not taken
  const RelayLimits limits_;
  const bool replication_;

  std::unique_ptr<PoolSide> pool_;                   // null: the server connection is not shared
  policy::Residue residue_ = policy::Residue::none;  // … then
  std::unique_ptr<ReadSide> reads_;                  // null: no results are kept
  std::unique_ptr<HoldSide> hold_;                   // null: the statement at hand does not wait for others
  std::unique_ptr<AskSide> asking_;                  // null: no model was asked about the message at hand
  std::vector<LateQuestions> late_;
  std::unique_ptr<GateSide> gate_;  // null: transactions are committed as ever
  bool gate_commits_ = false;       // dbgate's own COMMIT is under way: its error is the client's
  Outgoing to_server_, to_client_, local_replies_;
  ExpectedReplies expected_;
  Names statements_, portals_;
  BindRecords bind_records_;
  Segment segment_ = 1;
  Segment controlled_in_ = 0;  // the last stretch of extended queries that begins or ends a transaction
  char status_ = 'I';
  LockWatch locks_;
  MeaningWatch meaning_;
  PathWatch paths_;
  bool failed_ = false;         // an error since the last ReadyForQuery
  bool rewritten_ = false;      // the server has been given a text other than the frontend's
  bool dirty_ = false;          // the frontend has sent extended-query messages since its last Sync or Query
  bool skipping_ = false;       // frontend messages up to Sync are dropped
  bool skip_is_local_ = false;  // … and that Sync is answered here
  // Of the unnamed statement that statements_ knows the server has not heard: it was answered from memory.
  bool unnamed_owed_ = false;
  CopyIn copy_in_ = CopyIn::none;
  std::size_t copies_to_come_ = 0;  // COPY … FROM STDIN under way whose CopyInResponse is owed: all of expected_
  bool catalog_touched_ = false;    // by a statement of the transaction under way, or of what was sent behind it
  bool catalog_committed_ = false;  // … and the server has committed that
  Segment touched_in_ = 0;          // the last stretch of messages with such a statement
  std::unique_ptr<policy::MovedNames> moved_;  // by all of them; null: none is under way
  std::string moved_by_;                       // … a hash over their texts; empty: none is
  std::function<void(const std::string& database)> vacate_;
  std::size_t doubtful_syncs_ = 0;  // sent while the server read copy data: answered only if the copy fails before
  bool fatal_seen_ = false;
  std::size_t frontend_rest_ = 0;                     // of a message that streams
  std::optional<protocol::MessageHeader> oversized_;  // refused when its end has come
  Pass frontend_pass_ = Pass::forward;
  std::size_t backend_rest_ = 0;
  Pass backend_pass_ = Pass::forward;
  bool whole_bind_ = false;  // Bind is looked at whole
  std::string_view text_to_analyze_;
  std::shared_ptr<const Analysis> offered_;
  Next next_ = Next::more;
  Error failure_;

  Quota quota_;
  Outgoing own_words_;
  std::size_t held_ = 0;          // of expected_, those that nothing may follow
  std::size_t capped_ = 0;        // of held_, those that not even Sync may follow
  std::uint64_t owed_ = 0;        // how many replies ever were expected, and …
  std::uint64_t flushed_ = 0;     // … how many of them the server was asked for
  bool timed_execute_ = false;    // the last message was an Execute whose time is limited
  bool segment_writes_ = false;   // this stretch of extended queries does more than read
  bool segment_control_ = false;  // … or begins or ends a transaction
  bool abort_due_ = false;        // a limit stopped what had already succeeded: its transaction must not
  bool cancel_due_ = false;
  Clock::time_point idle_due_ = UnderLimits::never;
  Clock::time_point rejudge_due_ = UnderLimits::never;  // when what waits on the server is looked at again
  unsigned unread_ = 0;                                 // … how often in a row that could not be done
  std::map<std::string, std::shared_ptr<Meter>, std::less<>> loose_meters_;  // of cursors that functions opened
  std::string ended_by_;
  unsigned restore_attempts_ = 0;
  bool restores_role_ = false;  // … besides the name
};

}  // namespace dbgate::session
