#include "gateway/api/query_answers.h"

#include <boost/json.hpp>

#include "gateway/audit/json.h"
#include "gateway/queries/render.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;
using What = ports::QueryQuestion::What;

/// The rest of a page after its columns. @return the cursor of the next one; empty: there is none
std::string append_page(std::string& out, const ports::QueryRows& page, const Services& services,
                        const std::string& place) {
  out += '[';
  for (std::size_t i = 0; i < page.rows.size(); ++i)
    out += (i > 0 ? "," : "") + page.rows[i];
  out += "],\"next_cursor\":";
  std::string cursor;
  if (page.more) {
    cursor = services.cursors.sign(place, std::to_string(page.next));
    audit::append_json_string(out, cursor);
  } else {
    out += "null";
  }
  return cursor;
}

// At least one row, or nobody would ever get past it.
void shorten(ports::QueryRows& page, std::size_t most_bytes) {
  std::size_t bytes = 0, fit = 0;
  for (; fit < page.rows.size(); ++fit) {
    bytes += page.rows[fit].size();
    if (fit > 0 && bytes > most_bytes) break;
  }
  if (fit == page.rows.size()) return;
  page.next -= page.rows.size() - fit;
  page.rows.resize(fit);
  page.more = true;
}

// The right to see rows is asked for with each page: it may have gone since they were kept.
Task<std::optional<ports::QueryAnswer>> rows_here(Services& services, ports::QueryQuestion question) {
  const auto kept = services.queries.rows(question.caller, question.id, question.result, 0, 0);
  if (!kept) co_return std::nullopt;
  const bool shown = co_await services.queries.still_shown(question.caller, question.id);
  if (!shown) co_return ports::QueryAnswer{ports::QueryAnswer::rights_changed, {}, {}};
  auto page = services.queries.rows(question.caller, question.id, question.result, question.from, question.limit);
  if (!page) co_return std::nullopt;
  if (question.most_bytes > 0) shorten(*page, question.most_bytes);
  ports::QueryAnswer answer{200, "{\"columns\":", {}};
  queries::append_columns(answer.body, page->columns);
  answer.body += ",\"items\":";
  const std::string place = place_of_rows(question.caller, question.id, question.result);
  answer.cursor = append_page(answer.body, *page, services, place);
  answer.body += '}';
  co_return answer;
}

std::optional<ports::QueryAnswer> statement_here(Services& services, const ports::QueryQuestion& question) {
  const auto asked = services.queries.statement(question.caller, question.id);
  if (!asked) return {};
  json::array parameters;
  for (const auto& value : asked->parameters)
    parameters.push_back(value ? json::value(*value) : json::value());
  const json::object statement{{"user", asked->user},
                               {"target", asked->target},
                               {"sql", asked->sql},
                               {"parameters", std::move(parameters)},
                               {"script", asked->script},
                               {"reason", asked->reason},
                               {"waits", asked->waits_for_approval}};
  return ports::QueryAnswer{200, json::serialize(statement), {}};
}

}  // namespace

std::string place_of_rows(const ports::QueryCaller& caller, const std::string& id, std::size_t result) {
  return "rows " + caller.user + " " + id + " " + std::to_string(result);
}

std::string query_body(Services& services, const ports::QueryCaller& caller, const ports::QuerySummary& query,
                       std::size_t rows) {
  std::string out = "{";
  queries::append_query_members(out, query);
  out += ",\"results\":[";
  for (std::size_t i = 0; i < query.results.size(); ++i) {
    if (i > 0) out += ',';
    queries::open_result(out, query.results[i]);
    const auto page = rows > 0 ? services.queries.rows(caller, query.id, i, 0, rows) : std::nullopt;
    if (page) {
      out += ",\"rows\":";
      append_page(out, *page, services, place_of_rows(caller, query.id, i));
    }
    out += '}';
  }
  return out + "]}";
}

Task<std::optional<ports::QueryAnswer>> answer_here(Services& services, ports::QueryQuestion question) {
  if (question.what == What::rows) {
    auto page = co_await rows_here(services, std::move(question));
    co_return page;
  }
  if (question.what == What::statement) co_return statement_here(services, question);
  const bool cancels = question.what == What::cancel;
  if (cancels && !services.queries.cancel(question.caller, question.id)) co_return std::nullopt;
  const auto query = services.queries.find(question.caller, question.id);
  if (!query) co_return std::nullopt;
  const unsigned status = cancels && query->ended_us == 0 ? 202 : 200;
  co_return ports::QueryAnswer{status, query_body(services, question.caller, *query, 0), {}};
}

Task<Result<std::optional<ports::QueryAnswer>>> answer_anywhere(Services& services, ports::QueryQuestion question) {
  auto here = co_await answer_here(services, question);
  if (here || services.query_peers == nullptr) co_return std::move(here);
  auto there = co_await services.query_peers->ask(std::move(question));
  co_return there;
}

std::optional<ports::QueryRequest> read_statement(const std::string& body) {
  boost::system::error_code failed;
  const json::value value = json::parse(body, failed);
  if (failed || !value.is_object()) return {};
  const json::object& members = value.get_object();
  const auto text = [&members](std::string_view name) {
    const json::value* const found = members.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto flag = [&members](std::string_view name) {
    const json::value* const found = members.if_contains(name);
    return found != nullptr && found->is_bool() && found->get_bool();
  };
  ports::QueryRequest asked;
  asked.user = text("user");
  asked.target = text("target");
  asked.sql = text("sql");
  asked.script = flag("script");
  asked.reason = text("reason");
  asked.waits_for_approval = flag("waits");
  const json::value* const parameters = members.if_contains("parameters");
  if (parameters == nullptr || !parameters->is_array()) return {};
  for (const json::value& each : parameters->get_array())
    asked.parameters.push_back(each.is_string() ? std::optional(std::string(each.get_string())) : std::nullopt);
  return asked;
}

}  // namespace dbgate::api
