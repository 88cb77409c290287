#include "gateway/models/record.h"

#include <array>
#include <boost/json.hpp>
#include <optional>

#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

namespace json = boost::json;
using ports::ModelOutcome;

constexpr std::array<std::string_view, 3> callers = {"person", "service", "agent"};

json::object combined_object(const Combined& combined) {
  return {{"level", risk::word_of(combined.level)},
          {"approval", combined.asks_approval},
          {"alert", combined.alerts},
          {"answered", combined.answered}};
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

bool flag_of(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::optional<ModelOutcome> outcome_of(std::string_view word) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(ModelOutcome::count_); ++i) {
    if (ports::word_of(static_cast<ModelOutcome>(i)) == word) return static_cast<ModelOutcome>(i);
  }
  return {};
}

std::optional<risk::Caller> caller_of(std::string_view word) {
  for (std::size_t i = 0; i < callers.size(); ++i) {
    if (callers[i] == word) return static_cast<risk::Caller>(i);
  }
  return {};
}

// What stands where it was asked alone: an opinion that is used again, in record after record, names it by its hash.
void add_question(json::object& record, std::string_view brief, const ports::RiskOpinion& opinion) {
  record["input_tokens"] = opinion.input_tokens;
  record["output_tokens"] = opinion.output_tokens;
  record["cost_nano"] = opinion.cost_nano;
  if (!opinion.prompt_hash.empty()) record["brief"] = brief;
  if (opinion.outcome != ModelOutcome::ok) return;
  record["confidence"] = opinion.confidence;
  record["why"] = opinion.why;
}

Error no_record() {
  return Error(sqlstate::invalid_parameter_value, "this is no record of what a model was asked");
}

}  // namespace

std::string record_of(risk::Level rules, risk::Caller caller, std::string_view brief,
                      const ports::RiskOpinion& opinion) {
  json::object record{{"rules", risk::word_of(rules)},
                      {"caller", callers[static_cast<std::size_t>(caller)]},
                      {"prompt_version", prompt_version},
                      {"prompt_hash", opinion.prompt_hash},
                      {"outcome", ports::word_of(opinion.outcome)},
                      {"provider", opinion.provider},
                      {"model", opinion.model},
                      {"cached", opinion.cached},
                      {"ms", opinion.ms}};
  if (opinion.outcome == ModelOutcome::ok) {
    record["level"] = risk::word_of(opinion.level);
    record["factors"] = json::array(opinion.factors.begin(), opinion.factors.end());
    record["needs_approval"] = opinion.needs_approval;
  }
  if (!opinion.cached) add_question(record, brief, opinion);
  record["final"] = combined_object(combine(rules, caller, opinion));
  return json::serialize(record);
}

Result<Replay> replay(std::string_view record) {
  json::error_code wrong;
  const json::value parsed = json::parse(record, wrong);
  if (wrong || !parsed.is_object()) return no_record();
  const json::object& object = parsed.get_object();
  const auto rules = risk::level_of(text_of(object, "rules"));
  const auto caller = caller_of(text_of(object, "caller"));
  const auto outcome = outcome_of(text_of(object, "outcome"));
  const json::value* const final = object.if_contains("final");
  if (!rules || !caller || !outcome || final == nullptr) return no_record();
  ports::RiskOpinion opinion;
  opinion.outcome = *outcome;
  opinion.needs_approval = flag_of(object, "needs_approval");
  const auto level = risk::level_of(text_of(object, "level"));
  if (level) opinion.level = *level;
  if (*outcome == ModelOutcome::ok && !level) return no_record();
  Replay replayed{combine(*rules, *caller, opinion), {}};
  const json::value* const version = object.if_contains("prompt_version");
  const bool same_prompt = version != nullptr && *version == json::value(prompt_version);
  const bool has_brief = object.contains("brief");
  if (same_prompt && has_brief && prompt_hash(text_of(object, "brief")) != text_of(object, "prompt_hash"))
    replayed.difference = "the hash is not that of the brief";
  if (*final != json::value(combined_object(replayed.combined)))
    replayed.difference =
        "it comes to " + json::serialize(combined_object(replayed.combined)) + " and not to " + json::serialize(*final);
  return replayed;
}

}  // namespace dbgate::models
