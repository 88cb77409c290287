#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <iostream>
#include <mutex>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/commands/results.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t most_line_bytes = 64u << 20;

/// Ctrl-C while a query runs: it is cancelled at the gateway, and the answer is read to its end. A second one, or one
/// before the query has an id, ends the process; the gateway cancels what nobody waits for.
class Interrupt {
 public:
  explicit Interrupt(const Options& options) : options_(options) {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    watcher_ = std::thread([this] { watch(); });
  }
  ~Interrupt() {
    over_ = true;
    watcher_.join();
    ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void runs(const std::string& query_id) {
    const std::lock_guard lock(mutex_);
    query_id_ = query_id;
  }
  bool cancelled() const { return cancelled_; }

 private:
  void watch() {
    const timespec pause{0, 50'000'000};
    while (!over_) {
      if (::sigtimedwait(&signals_, nullptr, &pause) != SIGINT) continue;
      const std::string id = [this] {
        const std::lock_guard lock(mutex_);
        return query_id_;
      }();
      if (id.empty() || cancelled_) ::_exit(static_cast<int>(Exit::interrupted));
      cancelled_ = true;
      std::cerr << "cancelling " << id << '\n';
      try {
        Api(options_).cancel(id);
      } catch (const Problem& problem) {
        std::cerr << "cannot cancel: " << problem.cause << '\n';
        ::_exit(static_cast<int>(Exit::interrupted));
      }
    }
  }

  Options options_;
  sigset_t signals_{};
  std::mutex mutex_;
  std::string query_id_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> over_{false};
  std::thread watcher_;
};

[[noreturn]] void fail(const json::value& summary, const Interrupt& interrupt) {
  const json::value* found = summary.as_object().if_contains("error");
  Problem problem = problem_in(found != nullptr && found->is_object() ? found->as_object() : json::object());
  if (problem.cause.empty()) problem.cause = "the query " + text_at(summary, "state");
  problem.request_id = text_at(summary, "id");
  if (interrupt.cancelled()) problem.exit = Exit::interrupted;
  throw problem;
}

void show_notice(const json::value& notice) {
  std::cerr << text_at(notice, "severity") << ":  " << text_at(notice, "message") << '\n';
  const std::string hint = text_at(notice, "hint");
  if (!hint.empty()) std::cerr << "HINT:  " << hint << '\n';
}

/// Takes the lines of an answer as they come.
class Reader {
 public:
  Reader(const Call& call, Interrupt& interrupt) : interrupt_(interrupt), writer_(make_result_writer(call.options)) {}

  void take(const std::string& line) {
    if (line.starts_with(R"({"type":"rows")")) return writer_->rows(line);
    boost::system::error_code failed;
    const json::value message = json::parse(line, failed);
    if (failed || !message.is_object())
      throw Problem{Exit::failure, "the gateway sent what cannot be read", "dbgate doctor"};
    const std::string type = text_at(message, "type");
    if (type == "meta") {
      interrupt_.runs(text_at(message, "query_id"));
      writer_->begin(message.as_object());
    } else if (type == "notice") {
      show_notice(message);
    } else if (type == "summary") {
      over_ = true;
      writer_->end();
      if (text_at(message, "state") != "succeeded") fail(message, interrupt_);
      show_end(message);
    }
  }
  bool over() const { return over_; }

 private:
  static void show_end(const json::value& summary) {
    const std::string tag = text_at(summary, "command_tag");
    if (!tag.empty() && !tag.starts_with("SELECT")) std::cerr << tag << '\n';
    const json::value* truncated = summary.as_object().if_contains("truncated");
    if (truncated != nullptr && truncated->is_bool() && truncated->as_bool()) {
      std::cerr << "there are more rows; --max-rows shows more of them\n";
    }
  }

  Interrupt& interrupt_;
  std::unique_ptr<ResultWriter> writer_;
  bool over_ = false;
};

json::object query_of(const Call& call) {
  json::object query{{"sql", sql_of(call)}};
  if (call.has("max-rows")) query["max_rows"] = call.number("max-rows", 0, 1);
  const auto timeout = call.duration("timeout", std::chrono::seconds(0));
  if (timeout.count() > 0) query["timeout_ms"] = timeout.count() * 1000;
  if (call.has("script")) query["script"] = true;
  if (call.has("reason")) query["reason"] = call.text("reason");
  query["held"] = call.has("wait") ? "wait" : "refuse";
  return query;
}

void read_all(Api& api, Reader& reader) {
  std::string pending;
  for (std::string piece = api.connection().read_some(std::chrono::seconds(0)); !piece.empty();
       piece = api.connection().read_some(std::chrono::seconds(0))) {
    pending += piece;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1)
      reader.take(pending.substr(begin, end - begin));
    pending.erase(0, begin);
    if (pending.size() > most_line_bytes) throw Problem{Exit::failure, "the gateway sent a line without an end", ""};
  }
  if (!reader.over()) {
    throw Problem{Exit::unreachable, "the gateway broke the answer off: what was printed is not whole", "run it again"};
  }
}

HttpAnswer begin(const Call& call, Api& api, const std::string& target) {
  const json::object query = query_of(call);
  try {
    const Progress progress(call.options, "running");
    return api.run(target, query);
  } catch (const Problem& problem) {
    if (problem.code == "no_such_target" && target.find('/') == std::string::npos) no_target(api, target);
    throw;
  }
}

int exec(const Call& call) {
  const std::string target = call.text("TARGET");
  if (call.has("dry-run")) {
    Api api(call.options);
    const json::value decision = api.decide({{"target", target}, {"sql", sql_of(call)}});
    print_object(call.options, decision.as_object(), {"effect", "operation", "rule", "sqlstate", "message"});
    const std::string effect = text_at(decision, "effect");
    if (effect == "deny") return static_cast<int>(Exit::denied);
    if (effect == "hold") return static_cast<int>(Exit::approval_required);
    return static_cast<int>(effect == "error" ? Exit::database_error : Exit::ok);
  }
  Api api(call.options);
  Interrupt interrupt(call.options);
  Reader reader(call, interrupt);
  const HttpAnswer answer = begin(call, api, target);
  if (answer.status == 202) {
    throw Problem{Exit::approval_required, "the query waits for approval", answer.header("Location"),
                  answer.header("X-Request-Id")};
  }
  read_all(api, reader);
  return 0;
}

}  // namespace

Verbs exec_verbs() {
  Verb verb{"exec", "run a statement through policy"};
  verb.arguments = {{"TARGET", Kind::target, "target, or target/database"},
                    {"INPUT", Kind::file, "a file with the statement; - is standard input", false}};
  verb.flags = {
      option("-c,--command", Kind::text, "SQL", "the statement"),
      option("-f,--file", Kind::file, "FILE", "a file with it; - is standard input"),
      toggle("--script", "the text has several statements, which run in one transaction"),
      option("--max-rows", Kind::number, "N", "rows of each result at most"),
      option("--timeout", Kind::duration, "DURATION", "cancel it after this long"),
      option("--reason", Kind::text, "TEXT", "why, for those who must agree and for policies that ask for one"),
      toggle("--wait", "wait for whoever has to agree; without, that is refused and asked for"),
      toggle("--dry-run", "say what would be decided; nothing runs"),
  };
  verb.description =
      "Rows are printed as they come (csv, tsv, json, jsonl), or when all are there (table, aligned, markdown). "
      "Notices "
      "and command tags go to standard error. Ctrl-C cancels the statement in the database.";
  verb.examples = {{"dbgate exec shop -c 'SELECT city, count(*) FROM customers GROUP BY 1'", "a table"},
                   {"dbgate exec shop -f report.sql -o csv > report.csv", "a file"}};
  verb.exits = {3, 4, 5, 6, 7, 8, 9, 130};
  verb.run = exec;
  return {verb};
}

}  // namespace dbgate::cli
