#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/session/policy_judge.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_reader.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

// A Relay between a scripted frontend and a scripted backend. Expectations are the messages in a short notation:
// "Q(SELECT 1)", "P(name,text)", "B(portal,statement)", "E(42501 denied …)", "Z(I)".
namespace dbgate::session {

/// Builds one message: `message('B').text("p").text("s").bytes(…)`.
class MessageText {
 public:
  explicit MessageText(char type) : writer_(text_) { writer_.begin_message(type); }
  MessageText(const MessageText&) = delete;
  MessageText& operator=(const MessageText&) = delete;
  MessageText& string(std::string_view value) {
    writer_.string(value);
    return *this;
  }
  MessageText& int16(int value) {
    writer_.int16(static_cast<std::int16_t>(value));
    return *this;
  }
  MessageText& int32(int value) {
    writer_.int32(value);
    return *this;
  }
  MessageText& raw(std::string_view value) {
    text_ += value;
    return *this;
  }
  operator std::string() {  // NOLINT: reads as the message itself
    writer_.end_message();
    return text_;
  }

 private:
  std::string text_;
  protocol::FieldWriter writer_;
};

namespace frontend {
inline std::string query(std::string_view text) {
  return MessageText('Q').string(text);
}
inline std::string parse(std::string_view name, std::string_view text) {
  return MessageText('P').string(name).string(text).int16(1).int32(23);
}
inline std::string bind(std::string_view portal, std::string_view name, std::string_view value = "v") {
  return MessageText('B')
      .string(portal)
      .string(name)
      .int16(0)
      .int16(1)
      .int32(static_cast<int>(value.size()))
      .raw(value)
      .int16(0);
}
inline std::string describe(char what, std::string_view name) {
  return MessageText('D').raw(std::string_view(&what, 1)).string(name);
}
inline std::string close(char what, std::string_view name) {
  return MessageText('C').raw(std::string_view(&what, 1)).string(name);
}
inline std::string execute(std::string_view portal, int rows = 0) {
  return MessageText('E').string(portal).int32(rows);
}
inline std::string copy_data(std::string_view data) {
  return MessageText('d').raw(data);
}
inline std::string copy_fail(std::string_view why) {
  return MessageText('f').string(why);
}
inline std::string plain(char type) {
  return MessageText(type);
}
inline const std::string sync = plain('S');
inline const std::string flush = plain('H');
inline const std::string terminate = plain('X');
inline const std::string copy_done = plain('c');
}  // namespace frontend

namespace backend {
inline std::string plain(char type) {
  return MessageText(type);
}
inline std::string ready(char status) {
  return MessageText('Z').raw(std::string_view(&status, 1));
}
inline std::string complete(std::string_view tag) {
  return MessageText('C').string(tag);
}
inline std::string rows() {
  return MessageText('T').int16(0);
}
inline std::string row(std::string_view value = "1") {
  return MessageText('D').int16(1).int32(static_cast<int>(value.size())).raw(value);
}
inline std::string error(std::string_view code, std::string_view severity = "ERROR", std::string_view text = "server",
                         char type = 'E') {
  return MessageText(type)
      .raw("S")
      .string(severity)
      .raw("V")
      .string(severity)
      .raw("C")
      .string(code)
      .raw("M")
      .string(text)
      .raw(std::string_view("\0", 1));
}
inline std::string status(std::string_view name, std::string_view value) {
  return MessageText('S').string(name).string(value);
}
inline std::string notification(std::string_view channel, std::string_view payload = "p") {
  return MessageText('A').int32(7).string(channel).string(payload);
}
inline std::string copy(char type) {
  return MessageText(type).raw(std::string_view("\0", 1)).int16(0);
}
inline std::string copy_data(std::string_view data) {
  return MessageText('d').raw(data);
}
inline const std::string parse_complete = plain('1');
inline const std::string bind_complete = plain('2');
inline const std::string close_complete = plain('3');
inline const std::string no_data = plain('n');
inline const std::string suspended = plain('s');
inline const std::string empty_query = plain('I');
inline const std::string syntax_error = error("42601");
}  // namespace backend

/// Reads facts as the real judge does, but denies by a list of relation names.
class ScriptedJudge final : public Judge {
 public:
  std::set<std::string> denied{"secret"};
  std::set<std::string> unheard;                   ///< channels
  std::map<std::string, policy::Residue> leaving;  ///< what functions leave behind, by name
  std::set<std::string> held;                      ///< relations that others have to agree to
  std::set<std::string> gated;                     ///< relations whose changes are shown before they are committed
  bool compares = false;                           ///< … in a database that is not prepared
  std::set<std::string> doubted;    ///< relations that models are asked about; the brief is the relation's name
  bool afterwards = false;          ///< … without anybody waiting
  std::chrono::seconds lasting{0};  ///< how long an answer is good for
  std::uint64_t current = 1;
  bool function_calls = false;
  bool replication = false;
  bool reduces = false;
  std::size_t judged = 0;
  mutable std::size_t analyzed = 0;
  std::size_t recalled = 0;
  std::size_t looked = 0;  ///< at what waits on the server
  bool unread = false;     ///< the catalog
  std::size_t catalog_changes = 0;
  bool moved = false;  ///< of what was judged last: names may have moved

  void see(const LockWatch& /*locks*/, const policy::MovedNames* names) override { moved = names != nullptr; }
  void catalog_changed() override { ++catalog_changes; }
  Judged recall(std::string_view /*text*/, TextForm /*form*/) override {
    ++recalled;
    return {};
  }
  std::shared_ptr<const Analysis> analyze(std::string_view text) const override {
    ++analyzed;
    return analyze_text(text, sql::ScanLimits{});
  }
  Judged judge(const Analysis& analysis, const Names& statements, const Names& portals, Segment now) override {
    ++judged;
    Judged result;
    result.script = analysis.script;
    result.judged_by = current;
    result.refused = analysis.refused;
    result.refusal = analysis.refusal;
    for (const sql::Statement& statement : analysis.script->statements) {
      if (!result.refused) check(statement, result);
      const bool executes = statement.kind == sql::StatementKind::execute;
      if (!executes && statement.kind != sql::StatementKind::fetch) continue;
      const auto named = (executes ? statements : portals).find(statement.name, now);
      if (named.state == Names::State::wait) {
        result.wait = true;
        return result;
      }
      if (named.state == Names::State::absent && executes && !result.refused) {
        result.refused = true;
        result.refusal = unknown_statement(statement.name);
      }
      if (named.state != Names::State::found) continue;
      for (const sql::Statement& inner : named.definition->script->statements)
        check(inner, result);
    }
    if (!gated.empty()) gate(result);
    return result;
  }
  Stands still_stands(const Queued& queued, std::size_t from) override {
    ++looked;
    if (unread) return Stands::unknown;
    Judged now;
    for (std::size_t i = from; i < queued.script->statements.size(); ++i)
      check(queued.script->statements[i], now);
    for (const PreparedPtr& named : queued.named) {
      for (const sql::Statement& inner : named->script->statements)
        check(inner, now);
    }
    return now.refused ? Stands::no : Stands::yes;
  }
  Judged judge_function_call() override { return whole(function_calls, sql::StatementKind::call, "FUNCTION CALL"); }
  Judged judge_connection() override { return whole(false, sql::StatementKind::other, "CONNECT"); }
  Judged judge_replication(std::string_view /*text*/) override {
    return whole(replication, sql::StatementKind::replication, "REPLICATION");
  }
  std::uint64_t version() override { return current; }
  std::string digest_of_hold(const policy::Hold& hold, std::string_view text, std::string_view values) override {
    return hold.rule_id + "|" + std::string(text) + "|" + std::string(values);
  }
  bool reduces_errors() override { return reduces; }
  bool may_hear(const std::string& channel) override { return !unheard.contains(channel); }
  /// High is held, critical denied. What is not answered passes.
  bool advise(Judged& judging, const Heard* heard) override {
    Advice& advice = *judging.advice;
    if (std::chrono::steady_clock::now() < advice.until) {
      judging.verdict = advice.verdict;
      return true;
    }
    if (heard == nullptr && advice.waits) return false;
    auto verdict = std::make_shared<policy::Verdict>(*judging.verdict);
    config::RiskLevel level = config::RiskLevel::info;
    for (std::size_t i = 0; heard != nullptr && i < heard->answers.size(); ++i)
      level = std::max(level, heard->answers[i].opinion.level);
    if (level == config::RiskLevel::high) verdict->hold_for({nullptr, "p/risk.hold_at"});
    judging.refused = level == config::RiskLevel::critical;
    if (judging.refused) {
      verdict->decision = policy::Decision::deny;
      judging.refusal.message = "rated critical";
    }
    verdict->reasons.emplace_back("answers");
    judging.verdict = verdict;
    if (lasting.count() > 0 && !judging.refused) {
      advice.until = std::chrono::steady_clock::now() + lasting;
      advice.verdict = verdict;
    }
    return true;
  }

 private:
  void gate(Judged& result) const {
    auto verdict =
        result.verdict ? std::make_shared<policy::Verdict>(*result.verdict) : std::make_shared<policy::Verdict>();
    verdict->gate = std::make_shared<const policy::CommitGate>(
        policy::CommitGate{{{nullptr, "p/approve"}}, std::chrono::seconds(10), config::Capture::prepared});
    verdict->gate_compares = compares;
    for (const sql::Statement& statement : result.script->statements) {
      for (const sql::RelationUse& use : statement.relations)
        verdict->gate_opens =
            verdict->gate_opens || (statement.kind != sql::StatementKind::select && gated.contains(use.name.name));
    }
    result.verdict = std::move(verdict);
  }
  static Judged whole(bool allowed, sql::StatementKind kind, const char* tag) {
    Judged result;
    sql::Script script;
    script.statements.emplace_back().kind = kind;
    script.statements.back().tag = tag;
    result.script = std::make_shared<const sql::Script>(std::move(script));
    result.refused = !allowed;
    if (!allowed) result.refusal.message = "denied";
    return result;
  }
  void check(const sql::Statement& statement, Judged& result) const {
    for (const sql::FunctionUse& use : statement.functions) {
      const auto left = leaving.find(use.name.name);
      if (left != leaving.end()) result.residue = std::max(result.residue, left->second);
    }
    for (const sql::RelationUse& use : statement.relations) {
      if (held.contains(use.name.name)) {
        auto verdict = std::make_shared<policy::Verdict>();
        verdict->decision = policy::Decision::allow;
        verdict->hold_for({nullptr, "p/allow[0]"});
        result.verdict = std::move(verdict);
      }
      if (doubted.contains(use.name.name)) {
        if (!result.advice) result.advice = std::make_shared<Advice>();
        result.advice->waits = !afterwards;
        result.advice->doubts.emplace_back().question.brief = use.name.name;
        if (!result.verdict) {
          auto verdict = std::make_shared<policy::Verdict>();
          verdict->decision = policy::Decision::allow;
          result.verdict = std::move(verdict);
        }
      }
      if (!denied.contains(use.name.name) || result.refused) continue;
      result.refused = true;
      result.refusal.message = "denied " + use.name.name;
    }
  }
};

/// Limits as a test sets them, a clock that it moves.
class ScriptedLimiter final : public Limiter {
 public:
  policy::Usage principal, target;
  Clock::time_point time{std::chrono::hours(1)};

  /// From the next batch of messages on.
  void set(policy::LimitSet limits) { limits_ = std::make_shared<const policy::LimitSet>(std::move(limits)); }
  void clear() { limits_ = nullptr; }
  const std::shared_ptr<const policy::LimitSet>& current() override { return limits_; }
  policy::Usage& of_principal() override { return principal; }
  policy::Usage& of_target() override { return target; }
  Clock::time_point now() const override { return time; }

 private:
  std::shared_ptr<const policy::LimitSet> limits_;
};

/// Notes what is recorded: "q1 allow simple SELECT 1", "q1 done 00000 [SELECT 1] rows 1+0".
class ScriptedTrail final : public Trail {
 public:
  std::string log;
  bool failing = false;

  Result<Id> decided(const Judged& judged, std::string_view text, std::string_view protocol,
                     std::string_view name) override {
    if (failing) return Error(sqlstate::io_error, "the disk is full");
    std::string id = "q" + std::to_string(++count_);
    note(id + (judged.refused ? " deny " : " allow ") + std::string(protocol) + " " + std::string(text) +
         (name.empty() ? "" : " as " + std::string(name)) +
         (judged.verdict && judged.verdict->rule_id.find("/limits.") != std::string::npos
              ? " by " + judged.verdict->rule_id
              : "") +
         (judged.agreement && !judged.refused ? " agreed " + judged.agreement->approvals + " by " + judged.agreement->by
                                              : "") +
         (judged.verdict && !judged.verdict->reasons.empty() ? " because " + judged.verdict->reasons[0] : ""));
    return Id(id);
  }
  std::optional<audit::RecordName> last_record() const override {
    last_ = "aud_" + std::to_string(count_);
    return audit::RecordName{"w0", static_cast<std::uint64_t>(count_) + 40, last_, "f00d"};
  }
  void done(const Run& run, std::string_view sqlstate) override {
    note(std::string(run.query_id) + " done " + (sqlstate.empty() ? "-" : std::string(sqlstate)) + " [" + run.tags +
         "] rows " + std::to_string(run.rows_returned) + "+" + std::to_string(run.rows_affected) +
         (run.limit.empty() ? "" : " by " + run.limit));
  }
  void ended(std::string_view /*reason*/, std::uint64_t /*from*/, std::uint64_t /*to*/) override {}

 private:
  void note(const std::string& line) { log += line + "\n"; }
  int count_ = 0;
  mutable std::string last_;
};

/// Whole messages in the short notation; what is left over stands as "…".
inline std::string show(std::string_view bytes, bool from_frontend) {
  std::string text;
  while (!bytes.empty()) {
    if (!text.empty()) text += ' ';
    const auto header = protocol::decode_header(protocol::as_bytes(bytes));
    if (!header || bytes.size() < 5 + header->body_length) return text + "…";
    protocol::FieldReader body(protocol::as_bytes(bytes.substr(5, header->body_length)));
    text += header->type;
    const auto string = [&body] {
      const auto value = body.string();
      return value ? std::string(*value) : "?";
    };
    switch (header->type) {
      case 'Q':
      case 'f':
        text += "(" + string() + ")";
        break;
      case 'P':
      case 'B': {
        const std::string first = string();
        text += "(" + first + "," + string() + ")";
        break;
      }
      case 'E':
        if (from_frontend) {
          text += "(" + string() + ")";
          break;
        }
        {
          std::string code;
          std::string rest;
          for (auto field = body.uint8(); field && *field != 0; field = body.uint8()) {
            const std::string value = string();
            if (*field == 'C') code = value;
            if (*field == 'V' && value != "ERROR") rest += " " + value;
            if (*field == 'M' || *field == 'H') rest += " " + value;
          }
          text += "(" + code + rest + ")";
        }
        break;
      case 'N': {
        const auto fields = protocol::backend::leading_fields(body.rest());
        const auto field = [&fields](char code) {
          const auto at =
              std::find_if(fields.begin(), fields.end(), [code](const auto& one) { return one.code == code; });
          return at == fields.end() ? std::string_view() : at->value;
        };
        if (field('C') == "00R01") text += "(" + std::string(field('M')) + ")";
        break;
      }
      case 'D':
      case 'C':
        if (from_frontend) {
          const auto what = body.uint8();
          text += std::string("(") + static_cast<char>(*what) + " " + string() + ")";
        } else if (header->type == 'C') {
          text += "(" + string() + ")";
        }
        break;
      case 'S':
        if (!from_frontend) {
          const std::string name = string();
          text += "(" + name + "=" + string() + ")";
        }
        break;
      case 'Z':
      case 'd':
        text += "(" + std::string(protocol::as_text(body.rest())) + ")";
        break;
      default:
        break;
    }
    bytes.remove_prefix(5 + header->body_length);
  }
  return text;
}

/// Where the bytes of a scenario are cut: at one place, or everywhere.
struct Cut {
  std::size_t at = std::numeric_limits<std::size_t>::max();
  bool everywhere = false;
};

class RelayLab {
 public:
  explicit RelayLab(Cut cut = {}, const RelayLimits& limits = {}, bool replication = false,
                    Sharing sharing = Sharing::none)
      : relay(judge, trail, limits, replication, &limiter, sharing), cut_(cut) {}

  ScriptedJudge judge;
  ScriptedTrail trail;
  ScriptedLimiter limiter;
  Relay relay;
  Relay::Next next = Relay::Next::more;
  upstream::ServerMemory* free_server = nullptr;  ///< what it gets when it asks for a server connection
  std::size_t lent = 0;                           ///< how often it did
  bool may_listen = true;                         ///< whether a channel is listened to when it asks for that
  std::function<void()> catching_up;              ///< what comes before an UNLISTEN can go on
  std::vector<std::string> channels;              ///< that are listened to for it

  /// Bytes arrive from the frontend.
  RelayLab& client(const std::string& bytes) {
    feed(bytes, from_client_, [this] { pump_client(); });
    return *this;
  }
  /// Bytes arrive from the server.
  RelayLab& server(const std::string& bytes) {
    feed(bytes, from_server_, [this] {
      pump_server();
      pump_client();
    });
    return *this;
  }
  /// Others answer to the statement that waits for them.
  RelayLab& others(HoldAnswer answer) {
    relay.answer_hold(std::move(answer));
    pump_client();
    return *this;
  }
  /// Models answer to everything that was asked about the message that waits.
  RelayLab& models(config::RiskLevel level) {
    Heard heard;
    for (const ports::RiskQuestion& question : relay.questions()) {
      heard.answers.emplace_back().brief = question.brief;
      heard.answers.back().opinion.level = level;
    }
    relay.answer_questions(std::move(heard));
    pump_client();
    return *this;
  }
  /// The client cancels while they are asked.
  RelayLab& cancel_questions() {
    relay.give_up_questions();
    pump_client();
    return *this;
  }
  /// What the server was sent since the last call.
  std::string at_server() { return show(std::exchange(to_server_, {}), true); }
  /// What the client was sent since the last call.
  std::string at_client() { return show(std::exchange(to_client_, {}), false); }
  std::string audit() { return std::exchange(trail.log, {}); }
  std::string failure() const { return std::string(relay.failure().code().text()) + " " + relay.failure().message(); }
  std::size_t fed() const noexcept { return fed_; }
  std::size_t waiting_bytes() const noexcept { return from_client_.size(); }
  std::size_t bytes_at_server() const noexcept { return to_server_.size(); }
  std::size_t bytes_at_client() const noexcept { return to_client_.size(); }

 private:
  using Buffer = std::vector<char>;  // exactly as large as what it holds, so that a sanitizer sees one byte too many

  void feed(const std::string& bytes, Buffer& buffer, const std::function<void()>& pump) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      std::size_t size = bytes.size() - done;
      if (cut_.everywhere) size = 1;
      if (cut_.at > fed_ && cut_.at < fed_ + size) size = cut_.at - fed_;
      Buffer grown;
      grown.reserve(buffer.size() + size);
      grown.insert(grown.end(), buffer.begin(), buffer.end());
      grown.insert(grown.end(), bytes.begin() + static_cast<std::ptrdiff_t>(done),
                   bytes.begin() + static_cast<std::ptrdiff_t>(done + size));
      buffer = std::move(grown);
      done += size;
      fed_ += size;
      pump();
    }
  }
  static void take(Outgoing& outgoing, std::string& into) {
    for (const iovec& piece : outgoing.pieces())
      into.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    outgoing.clear();
  }
  static Bytes view(const Buffer& buffer, std::size_t from) {
    return protocol::as_bytes({buffer.data() + from, buffer.size() - from});
  }
  void pump_client() {
    std::size_t taken = 0;
    while (next != Relay::Next::finished && next != Relay::Next::broken) {
      const std::size_t before = taken;
      const Relay::Step step = relay.on_frontend(view(from_client_, taken));
      next = step.next;
      take(relay.to_server(), to_server_);
      take(relay.local_replies(), to_client_);
      taken += step.taken;
      EXPECT_LE(taken, from_client_.size());
      EXPECT_TRUE(step.wanted == 0 || step.wanted > from_client_.size() - taken);
      if (next == Relay::Next::analyze) {
        relay.offer_analysis(judge.analyze(relay.text_to_analyze()));
        EXPECT_EQ(taken, before + step.taken);
        continue;
      }
      if (next == Relay::Next::server) {
        ++lent;
        if (free_server != nullptr) {
          relay.attach_server(*free_server);
        } else {
          relay.refuse_for_server(Error(sqlstate::too_many_connections, "none free"));
        }
        continue;
      }
      if (next == Relay::Next::listen) {
        if (relay.catches_up()) {
          if (catching_up) catching_up();
          relay.caught_up();
          Outgoing told;
          if (relay.may_tell()) relay.tell_notifications(told);
          take(told, to_client_);
        } else if (may_listen) {
          channels.insert(channels.end(), relay.channels_wanted().begin(), relay.channels_wanted().end());
          relay.hold_channels([this](const std::string& name) { std::erase(channels, name); });
        } else {
          relay.refuse_channels(Error(sqlstate::too_many_connections, "nobody listens"));
        }
        continue;
      }
      break;
    }
    from_client_ = Buffer(from_client_.begin() + static_cast<std::ptrdiff_t>(taken), from_client_.end());
  }
  void pump_server() {
    if (next == Relay::Next::broken) return;
    const Relay::Step step = relay.on_backend(view(from_server_, 0));
    if (step.next == Relay::Next::broken) next = step.next;
    take(relay.to_client(), to_client_);
    take(relay.own_words(), to_server_);
    EXPECT_LE(step.taken, from_server_.size());
    from_server_ = Buffer(from_server_.begin() + static_cast<std::ptrdiff_t>(step.taken), from_server_.end());
  }

  Cut cut_;
  Buffer from_client_, from_server_;
  std::string to_server_, to_client_;
  std::size_t fed_ = 0;
};

/// Runs a scenario with its bytes whole, one by one, and cut in two at every place.
inline void in_every_split(const std::function<void(RelayLab&)>& scenario, const RelayLimits& limits = {},
                           bool replication = false) {
  RelayLab whole({}, limits, replication);
  scenario(whole);
  if (testing::Test::HasFailure()) return;
  {
    SCOPED_TRACE("byte by byte");
    RelayLab lab({.everywhere = true}, limits, replication);
    scenario(lab);
  }
  for (std::size_t at = 1; at < whole.fed() && !testing::Test::HasFailure(); ++at) {
    SCOPED_TRACE("cut at byte " + std::to_string(at));
    RelayLab lab({.at = at}, limits, replication);
    scenario(lab);
  }
}

}  // namespace dbgate::session
