#include "gateway/search/log_search.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "gateway/base/ids.h"
#include "gateway/search/statements.h"
#include "gateway/search/terms.h"

namespace dbgate::search {
namespace {

using ports::AuditField;
using ports::Statement;

// Records may be long; a page ends where it has so much.
constexpr std::size_t most_page_bytes = 4u << 20;
constexpr std::size_t most_listed_text = 4096;
constexpr std::int64_t soon_us = 1'000'000;
constexpr std::size_t whole_text = std::numeric_limits<std::size_t>::max();

// Whoever alters the log does not alter what answers are made of.
bool is_object(const std::string& line) {
  boost::system::error_code altered;
  const boost::json::value record = boost::json::parse(line, altered);
  return !altered && record.is_object();
}

// What is decided by the state that is asked for.
void narrow(ports::AuditFilter& filter, const std::optional<Statement::State>& state) {
  filter.is.emplace_back(AuditField::event, "statement.decided");
  if (state == Statement::State::denied) filter.is.emplace_back(AuditField::effect, "deny");
}

}  // namespace

LogSearch::Index LogSearch::index() {
  const std::uint64_t generation = place_.generation();
  if (generation != generation_) index_.reset();
  generation_ = generation;
  if (index_ || generation == 0) return index_.get();
  auto opened = place_.open();
  if (opened) {
    index_ = std::move(*opened);
  } else if (opened.error().code() == sqlstate::data_corrupted) {
    place_.distrust();
  }
  return index_.get();
}

// With the index, and without if that turns out to be damaged.
template <class T>
Result<T> LogSearch::attempt(const std::function<Result<T>(Log, Index)>& search) {
  const LogView log(directory_, true, &sizes_);
  Index with = index();
  auto found = search(log, with);
  if (found || with == nullptr) return found;
  const bool damaged = found.error().code() == sqlstate::data_corrupted;
  index_.reset();
  if (damaged) place_.distrust();
  return search(log, nullptr);
}

Result<ports::FoundRecords> LogSearch::records(const ports::AuditFilter& filter, const ports::AuditPage& page) {
  const Matcher matcher(filter);
  return attempt<ports::FoundRecords>([&](Log log, Index index) -> Result<ports::FoundRecords> {
    ports::FoundRecords found;
    Walk walk(log, index, matcher, budget_);
    DBGATE_CHECK(walk.begin(page.before));
    for (std::size_t bytes = 0; found.lines.size() < page.limit && bytes < most_page_bytes;) {
      DBGATE_TRY(auto hit, walk.next());
      if (!hit) {
        found.cut = walk.cut();
        found.next = walk.rest();
        return found;
      }
      bytes += hit->line.size();
      found.next = std::move(hit->position);
      if (is_object(hit->line)) found.lines.push_back(std::move(hit->line));
    }
    return found;
  });
}

Result<> LogSearch::add_outcomes(Log log, Index index, Outcomes& outcomes, std::vector<Statement>& statements) {
  std::unordered_set<std::string> missing;
  std::int64_t earliest_us = std::numeric_limits<std::int64_t>::max();
  for (const Statement& statement : statements) {
    if (statement.effect == "deny" || outcomes.find(statement.id) != nullptr) continue;
    missing.insert(statement.id);
    earliest_us = std::min(earliest_us, statement.decided_us);
  }
  DBGATE_CHECK(outcomes.look_up(log, index, std::move(missing), earliest_us, {budget_.bytes / 2}));
  for (Statement& statement : statements)
    add_outcome(statement, outcomes.find(statement.id));
  return boost::system::in_place_value;
}

Result<ports::FoundStatements> LogSearch::find_statements(Log log, Index index, const ports::StatementQuery& query,
                                                          const ports::AuditPage& page) {
  ports::AuditFilter filter = query.filter;
  narrow(filter, query.state);
  const Matcher matcher(filter);
  ports::FoundStatements found;
  Outcomes outcomes;
  Walk walk(log, index, matcher, budget_);
  walk.also = [&outcomes](const Record& record) { outcomes.take(record); };
  DBGATE_CHECK(walk.begin(page.before));
  while (found.statements.size() < page.limit) {
    std::vector<Statement> batch;
    bool ended = false;
    while (batch.size() < page.limit - found.statements.size() && !ended) {
      DBGATE_TRY(auto hit, walk.next());
      ended = !hit;
      if (ended) break;
      found.next = hit->position;
      if (auto statement = read_statement(hit->line, directory_, most_listed_text))
        batch.push_back(std::move(*statement));
    }
    DBGATE_CHECK(add_outcomes(log, index, outcomes, batch));
    for (Statement& statement : batch)
      if (!query.state || statement.state == *query.state) found.statements.push_back(std::move(statement));
    if (!ended) continue;
    found.cut = walk.cut();
    found.next = walk.rest();
    break;
  }
  return found;
}

Result<ports::FoundStatements> LogSearch::statements(const ports::StatementQuery& query, const ports::AuditPage& page) {
  return attempt<ports::FoundStatements>(
      [&](Log log, Index index) { return find_statements(log, index, query, page); });
}

Result<std::optional<Statement>> LogSearch::find_statement(Log log, Index index, const ports::AuditFilter& filter) {
  const Matcher matcher(filter);
  Outcomes outcomes;
  Walk walk(log, index, matcher, budget_);
  walk.also = [&outcomes](const Record& record) { outcomes.take(record); };
  DBGATE_CHECK(walk.begin({}));
  DBGATE_TRY(const auto hit, walk.next());
  std::vector<Statement> one;
  if (hit) {
    if (auto statement = read_statement(hit->line, directory_, whole_text)) one.push_back(std::move(*statement));
  }
  DBGATE_CHECK(add_outcomes(log, index, outcomes, one));
  return one.empty() ? std::optional<Statement>() : std::move(one.front());
}

Result<std::optional<Statement>> LogSearch::statement(const std::string& id) {
  using Found = std::optional<Statement>;
  const std::int64_t made_us = time_of_id(id);
  if (made_us == 0) return Found();
  ports::AuditFilter filter{{{AuditField::query, id}, {AuditField::event, "statement.decided"}}, {}, {}, {}};
  return attempt<Found>([&](Log log, Index index) -> Result<Found> {
    // Nearly all are decided at once, and what is not in the index is read only as far as it must be.
    filter.until_us = made_us + soon_us;
    auto found = find_statement(log, index, filter);
    if (!found || *found) return found;
    filter.until_us.reset();
    return find_statement(log, index, filter);
  });
}

Result<std::vector<std::string>> LogSearch::records_of(const std::string& id) {
  std::vector<std::string> lines;
  const std::int64_t made_us = time_of_id(id);
  if (made_us == 0) return lines;
  // What is asked for was seen to be there: outcomes of what ran for days are looked for as well.
  const ports::AuditFilter filter{{{AuditField::query, id}}, {}, made_us - soon_us, {}};
  ports::AuditPage page;
  for (bool more = true; more;) {
    DBGATE_TRY(ports::FoundRecords found, records(filter, page));
    lines.insert(lines.end(), found.lines.begin(), found.lines.end());
    page.before = found.next;
    more = found.next.has_value();
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

}  // namespace dbgate::search
