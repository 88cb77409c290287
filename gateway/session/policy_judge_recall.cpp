#include <algorithm>

#include "gateway/session/policy_judge.h"
#include "gateway/sql/text_key.h"

// Verdicts that were reached before (docs/verdict-cache.md).
namespace dbgate::session {
namespace {

// The first character of a key: no text of one kind has the key of another.
constexpr char blind_query = 'b';
constexpr char exact_query = 'q';
constexpr char exact_parse = 'p';
constexpr char uncommented_parse = 'c';

// Statements on which judging says nothing but what text and premises say: they name no prepared statement, cursor or
// portal of the session.
bool stands_alone(const sql::Statement& statement) {
  using enum sql::StatementKind;
  switch (statement.kind) {
    case select:
    case insert:
    case update:
    case delete_:
    case merge:
    case values:
    case begin:
    case commit:
    case rollback:
    case savepoint:
    case release:
    case rollback_to:
    case set:
    case reset:
    case show:
      return statement.inner == nullptr;
    default:
      return false;
  }
}

}  // namespace

// Whether the server connection knows all that is needed now, as it is now; what it knows besides is used by nothing.
bool PolicyJudge::server_knows_enough() const {
  const ServerSettings& needed = view_.settings;
  return !given_ || std::includes(given_->begin(), given_->end(), needed.begin(), needed.end());
}

// Whether there is a cache for the view that judges now.
bool PolicyJudge::uses_cache() {
  if (cache_ == nullptr || !view_.grants || !view_.ready) return false;
  if (cached_views_ == views_) return true;
  cached_ = cache_->enter({view_.grants, view_.catalog, view_.resolver != nullptr, view_.names.closure != nullptr,
                           view_.tracks, view_.tracked != nullptr, view_.passes_on, view_.seen_through != nullptr,
                           view_.names.database, view_.names.account, view_.names.search_path, limits_});
  cached_views_ = views_;
  return true;
}

// Constants stay in the texts of Parse: EXECUTE may come to the facts of such a text much later, under other rules.
const std::string* PolicyJudge::key_of(std::string_view text, TextForm form) const {
  if (text.size() > VerdictCache::max_text_bytes || text.size() > limits_.max_bytes) return nullptr;
  std::string& key = cache_->scratch();
  if (cached_.blind()) {
    const bool query = form == TextForm::query;
    key.assign(1, query ? blind_query : uncommented_parse);
    if (query ? sql::append_blind(text, key) : sql::append_uncommented(text, key)) return &key;
  }
  key.assign(1, form == TextForm::query ? exact_query : exact_parse);
  key += text;
  return &key;
}

Judged PolicyJudge::recall(std::string_view text, TextForm form) {
  view();
  // What a caller does who is refused very often is rated otherwise.
  if (!uses_cache() || bursts()) return {};
  const std::string* const key = key_of(text, form);
  const Judged* const known = key == nullptr ? nullptr : cache_->find(cached_, *key, text);
  if (known == nullptr) return {};
  // What judging asks besides, of the server connection.
  if (known->sent && !known->sent->rewritten.empty() && !server_knows_enough()) return {};
  Judged judged = *known;
  judged.judged_by = views_;
  return judged;
}

void PolicyJudge::remember(std::string_view text, TextForm form, const Analysis& analysis, const Judged& judged) {
  // Read and judged by one view, which is that of the cache: another may have come in between.
  const bool settled = analysis.read_by == views_ && judged.judged_by == views_ && cached_views_ == views_;
  if (!settled || judged.refused || judged.wait || !judged.script || !judged.verdict || !uses_cache()) return;
  if (view_.names.moved != nullptr) return;
  if (!judged.verdict->allowed()) return;  // what is held is judged each time
  if (judged.verdict->risk.of_moment) return;
  const std::vector<sql::Statement>& statements = judged.script->statements;
  if (!std::all_of(statements.begin(), statements.end(), stands_alone) || rests_on_values(*judged.script)) return;
  if (!cache_->has_room_for(text)) return;
  const std::string* const key = key_of(text, form);
  if (key == nullptr) return;
  Judged kept = judged;
  // Filled in when it is recorded for the first time.
  kept.record = std::make_shared<JudgementRecord>();
  if (judged.sent) {
    // Views are counted by every judge for itself: no other may take the number for one of its own (stands()).
    auto sent = std::make_shared<Sent>(*judged.sent);
    sent->judged_by = 0;
    kept.sent = std::move(sent);
  }
  cache_->keep(cached_, *key, std::move(kept));
}

}  // namespace dbgate::session
