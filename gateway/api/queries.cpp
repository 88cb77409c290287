#include "gateway/api/queries.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <memory>

#include "gateway/api/json_body.h"
#include "gateway/api/query_answers.h"
#include "gateway/api/text.h"
#include "gateway/audit/json.h"
#include "gateway/queries/render.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t most_database = 128;
constexpr std::int64_t most_reason = 500;
constexpr std::int64_t most_rows = 1'000'000'000;
constexpr std::int64_t most_timeout_ms = 24 * 3'600'000;
constexpr std::int64_t usual_wait_ms = 10'000;
constexpr std::int64_t most_wait_ms = 30'000;
constexpr std::size_t first_page = 1'000;
constexpr std::size_t usual_page = 50;
constexpr std::size_t most_page = 500;
constexpr std::string_view ndjson = "application/x-ndjson";
constexpr const char* no_such_query = "there is no such query, or it is kept no more";

ports::QueryCaller caller_of(const Request& request) {
  return {request.caller->user, any_of(request.caller->roles, Role::admin)};
}

using What = ports::QueryQuestion::What;

ports::QueryQuestion question_of(const Request& request, What what) {
  ports::QueryQuestion question;
  question.what = what;
  question.caller = caller_of(request);
  question.id = request.parameter("id");
  return question;
}

Response response_to(const Request& request, const Result<std::optional<ports::QueryAnswer>>& found,
                     const std::string& missing) {
  if (!found) return problem(request, "unavailable", found.error().message(), {.retry_after_seconds = 1});
  if (!*found) return problem(request, "not_found", missing);
  if ((*found)->status == ports::QueryAnswer::rights_changed) {
    return problem(request, "rights_changed",
                   "your rights on the target have changed since the query ran: what is kept of it is not shown");
  }
  return json_response((*found)->body, (*found)->status);
}

// PostgreSQL's text of a value that JSON has a type for.
std::optional<std::string> text_of(const json::value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_double()) {
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.get_double()).ptr;
    return std::string(digits.data(), end);
  }
  return json::serialize(value);
}

Response failed(const Request& request, const ports::QueryFailure& failure, const std::string& query_id) {
  ProblemDetails more;
  more.sqlstate = failure.sqlstate;
  more.position = failure.position;
  if (failure.decision) queries::append_decision(more.decision, *failure.decision);
  const auto add = [&more](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    if (!more.members.empty()) more.members += ',';
    more.members += "\"" + std::string(name) + "\":";
    audit::append_json_string(more.members, value);
  };
  add("query_id", query_id);
  add("server_detail", failure.detail);
  add("hint", failure.hint);
  if (!failure.approval.empty()) more.approval_url = queries::approval_url(failure.approval);
  if (failure.kind == ports::QueryFailureKind::busy) more.retry_after_seconds = 1;
  return problem(request, queries::problem_of(failure.kind).code, failure.message, more);
}

// What a server says of a statement may hold values.
ports::QueryFailure without_data(const ports::QueryFailure& failure) {
  ports::QueryFailure bare = failure;
  if (failure.kind != ports::QueryFailureKind::statement) return bare;
  bare.message = "the statement failed when it ran; what the server said is not kept";
  bare.detail.clear();
  bare.hint.clear();
  return bare;
}

Response streamed(ports::QueryOpened opened) {
  const std::shared_ptr<ports::QueryStream> stream(std::move(opened.stream));
  Response response;
  response.content_type = stream->content_type();
  response.headers.set("Location", "/api/v1/queries/" + stream->id());
  response.stream = [stream](BodyWriter& writer) -> Task<bool> {
    std::string chunk;
    for (;;) {
      chunk.clear();
      const auto more = co_await stream->next(chunk);
      if (!more) co_return false;
      if (!*more) co_return true;
      const auto written = co_await writer.write(chunk);
      if (!written) co_return false;
    }
  };
  return response;
}

void watch(const Request& request, std::function<void(std::function<void()>)>& when_gone) {
  if (request.client == nullptr) return;
  when_gone = [client = request.client](std::function<void()> stop) { client->when_gone(std::move(stop)); };
}

std::optional<std::size_t> whole(const std::string& text, std::size_t most) {
  std::size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value > most) return {};
  return value;
}

/// The query of a request by name.
class Asked {
 public:
  Asked(const Request& request, const std::vector<std::string_view>& known)
      : request_(request), parameters_(read_query(request, known, refused)) {}

  bool valid() const noexcept { return parameters_.has_value(); }
  std::string text(std::string_view name, std::string otherwise = {}) const {
    for (const auto& [given, value] : *parameters_)
      if (given == name) return value;
    return otherwise;
  }
  /// Refuses what is empty or longer than `most` characters. @return nothing if it is not given
  std::string name(std::string_view name, std::size_t most) {
    const std::string value = text(name, "-");
    if (!value.empty() && count_characters(value) <= most) return text(name);
    refuse(name, "must have 1 to " + std::to_string(most) + " characters");
    return {};
  }
  /// Refuses what is no number from `least` to `most`.
  std::size_t number(std::string_view name, std::size_t least, std::size_t most, std::size_t otherwise) {
    const std::string value = text(name, std::to_string(otherwise));
    const auto read = whole(value, most);
    if (read && *read >= least) return *read;
    refuse(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return otherwise;
  }
  /// Refuses what is not among the words. @return which one
  std::size_t word(std::string_view name, const std::vector<std::string_view>& words) {
    const std::string value = text(name, std::string(words.front()));
    const auto found = std::find(words.begin(), words.end(), value);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    std::string all;
    for (const std::string_view one : words)
      all += (all.empty() ? "" : ", ") + std::string(one);
    refuse(name, "must be one of: " + all);
    return 0;
  }
  void refuse(std::string_view name, const std::string& why) {
    ProblemDetails more;
    more.errors.push_back({"?" + std::string(name), why});
    refused = problem(request_, "bad_request", "\"" + std::string(name) + "\" " + why, more);
    parameters_.reset();
    parameters_.emplace();
    wrong = true;
  }

  Response refused;
  bool wrong = false;

 private:
  const Request& request_;
  std::optional<std::vector<std::pair<std::string, std::string>>> parameters_;
};

}  // namespace

Task<Response> create_query(Services& services, Request& request) {
  JsonBody body(
      request,
      {member::sql("sql"), member::values("parameters", 0, 65'535).optional(),
       member::text("database", 1, most_database).optional(), member::boolean("script").optional(),
       member::whole("max_rows", 1, most_rows).optional(), member::whole("timeout_ms", 1, most_timeout_ms).optional(),
       member::whole("wait_ms", 0, most_wait_ms).optional(), member::word("held", {"wait", "refuse"}).optional(),
       member::text("reason", 1, most_reason).optional()});
  if (body.valid() && body.text("reason").size() > static_cast<std::size_t>(most_reason))
    body.refuse("reason", "has more than 500 bytes");
  if (!body.valid()) co_return body.refused(request);
  ports::QueryRequest asked;
  asked.user = request.caller->user;
  asked.address = request.address;
  asked.credential = request.caller->credential;
  asked.target = request.parameter("name");
  if (body.has("database")) asked.target += "/" + body.text("database");
  asked.sql = body.text("sql");
  asked.script = body.boolean("script", false);
  asked.waits_for_approval = body.text("held") != "refuse";
  asked.reason = body.text("reason");
  asked.trace = request.trace;
  asked.max_rows = static_cast<std::size_t>(body.whole("max_rows", 0));
  asked.timeout = std::chrono::milliseconds(body.whole("timeout_ms", 0));
  if (const json::value* const parameters = body.value("parameters")) {
    for (const json::value& value : parameters->get_array())
      asked.parameters.push_back(text_of(value));
  }
  watch(request, asked.when_gone);
  if (request.headers.get("Accept").find(ndjson) != std::string_view::npos) {
    ports::QueryOpened opened = co_await services.queries.stream(std::move(asked));
    if (!opened.stream) co_return failed(request, *opened.query.failure, opened.query.id);
    co_return streamed(std::move(opened));
  }
  const std::chrono::milliseconds wait(body.whole("wait_ms", usual_wait_ms));
  const ports::QuerySummary query = co_await services.queries.run(std::move(asked), wait);
  // A cancelled query is a state, not an error of the request.
  if (query.failure && query.state != ports::QueryState::cancelled) {
    Response refused = failed(request, *query.failure, query.id);
    refused.kept_body = failed(request, without_data(*query.failure), query.id).body;
    co_return refused;
  }
  Response response =
      json_response(query_body(services, caller_of(request), query, query.ended_us == 0 ? 0 : first_page),
                    query.ended_us == 0 ? 202 : 200);
  // Who may see rows is asked when they are asked for.
  response.kept_body = query_body(services, caller_of(request), query, 0);
  response.headers.set("Location", "/api/v1/queries/" + query.id);
  co_return response;
}

Task<Response> show_query(Services& services, Request& request) {
  const auto found = co_await answer_anywhere(services, question_of(request, What::show));
  co_return response_to(request, found, no_such_query);
}

Task<Response> list_query_rows(Services& services, Request& request) {
  Asked asked(request, {"result", "limit", "cursor"});
  if (!asked.valid()) co_return asked.refused;
  ports::QueryQuestion question = question_of(request, What::rows);
  question.result = asked.number("result", 0, 10'000, 0);
  question.limit = asked.number("limit", 1, most_page, usual_page);
  if (asked.wrong) co_return asked.refused;
  if (const std::string cursor = asked.text("cursor"); !cursor.empty()) {
    const auto last = services.cursors.open(place_of_rows(question.caller, question.id, question.result), cursor);
    const auto read = last ? whole(*last, SIZE_MAX) : std::nullopt;
    if (!read) co_return problem(request, "invalid_cursor", "the cursor is not of this list");
    question.from = *read;
  }
  const std::string page =
      request.path + "?result=" + std::to_string(question.result) + "&limit=" + std::to_string(question.limit);
  const auto found = co_await answer_anywhere(services, std::move(question));
  Response response = response_to(request, found, "there is no such result, or it is kept no more");
  if (found && *found && !(*found)->cursor.empty())
    response.headers.set("Link", "<" + page + "&cursor=" + (*found)->cursor + ">; rel=\"next\"");
  co_return response;
}

Task<Response> cancel_query(Services& services, Request& request) {
  const auto found = co_await answer_anywhere(services, question_of(request, What::cancel));
  co_return response_to(request, found, no_such_query);
}

Task<Response> export_query(Services& services, Request& request) {
  Asked asked(request, {"format", "null", "header", "formulas"});
  if (!asked.valid()) co_return asked.refused;
  ports::ExportRequest wanted;
  wanted.options.format = static_cast<ports::ExportFormat>(asked.word("format", {"csv", "json", "jsonl", "parquet"}));
  wanted.options.header = asked.word("header", {"present", "absent"}) == 0;
  wanted.options.escape_formulas = asked.word("formulas", {"keep", "escape"}) == 1;
  wanted.options.null_text = asked.text("null");
  if (wanted.options.null_text.find_first_of(",\"\r\n") != std::string::npos || wanted.options.null_text.size() > 16) {
    asked.refuse("null", "must be at most 16 characters without commas, quotes and line ends");
  }
  if (asked.wrong) co_return asked.refused;
  wanted.user = request.caller->user;
  wanted.address = request.address;
  wanted.credential = request.caller->credential;
  wanted.id = request.parameter("id");
  watch(request, wanted.when_gone);
  if (!services.queries.find({wanted.user, false}, wanted.id)) {
    ports::QueryQuestion question = question_of(request, What::statement);
    question.caller.administrator = false;
    const auto found = co_await answer_anywhere(services, std::move(question));
    if (found && *found) wanted.statement = read_statement((*found)->body);
    if (!wanted.statement) co_return response_to(request, found, no_such_query);
  }
  const std::string extension = asked.text("format", "csv");
  ports::QueryOpened opened = co_await services.queries.run_export(std::move(wanted));
  if (!opened.stream) co_return failed(request, *opened.query.failure, opened.query.id);
  Response response = streamed(std::move(opened));
  response.headers.set("Content-Disposition", "attachment; filename=\"export." + extension + "\"");
  co_return response;
}

Task<Response> show_schema(Services& services, Request& request) {
  Asked asked(request, {"database"});
  if (!asked.valid()) co_return asked.refused;
  const std::string database = asked.name("database", most_database);
  if (asked.wrong) co_return asked.refused;
  const auto schema = co_await services.queries.schema(
      request.caller->user, request.parameter("name") + (database.empty() ? "" : "/" + database));
  if (!schema) {
    const Error why = schema.error();
    const bool unknown = why.code() == sqlstate::invalid_catalog_name;
    const bool other = why.code() == sqlstate::feature_not_supported;
    co_return problem(request,
                      unknown ? "no_such_target"
                      : other ? "statement_not_supported"
                              : "upstream_failed",
                      why.message());
  }
  std::string out;
  queries::append_schema(out, *schema);
  co_return json_response(std::move(out));
}

}  // namespace dbgate::api
