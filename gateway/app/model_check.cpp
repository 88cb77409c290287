#include "gateway/app/model_check.h"

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <future>
#include <iomanip>
#include <memory>
#include <ostream>
#include <sstream>
#include <vector>

#include "config/loader.h"
#include "gateway/adapters/curl_fetches.h"
#include "gateway/models/advisor.h"
#include "gateway/models/brief.h"
#include "gateway/sql/analyze.h"

namespace dbgate::app {
namespace {

using ports::ModelOutcome;

constexpr std::string_view sample = "UPDATE accounts SET balance = 0 WHERE id IN (SELECT account FROM closed_accounts)";

std::string sample_brief() {
  const sql::AnalyzeResult analyzed = sql::analyze(sample, sql::ScanLimits{});
  risk::Circumstances circumstances;
  circumstances.caller = risk::Caller::agent;
  return models::make_brief(analyzed.script->statements.front(), circumstances).body;
}

const char* advice(ModelOutcome outcome) {
  switch (outcome) {
    case ModelOutcome::truncated:
      return "raise max_output_tokens, or lower effort: thoughts count as output";
    case ModelOutcome::refused:
    case ModelOutcome::filtered:
      return "this model is not fit for the task; try another";
    case ModelOutcome::invalid:
      return "it did not answer with the JSON that was asked for: use a model with structured output, and check url "
             "and dialect";
    case ModelOutcome::rejected:
      return "check dialect, url and model: the provider does not take the request";
    case ModelOutcome::unauthorized:
      return "check the key, and what it may be used for";
    case ModelOutcome::exhausted:
      return "check the account's credit at the provider";
    case ModelOutcome::limited:
      return "try later, or lower concurrency";
    case ModelOutcome::failing:
      return "the provider is in trouble; try later";
    case ModelOutcome::unreachable:
      return "check url, name service and firewall";
    case ModelOutcome::untrusted:
      return "check ca_file, and the name in the certificate";
    case ModelOutcome::timeout:
      return "raise timeout and deadline, or use a faster model";
    default:
      return "";
  }
}

/// One question on its way to one provider.
struct Asked {
  const config::ModelProvider* provider;
  std::unique_ptr<models::Advisor> advisor;
  std::promise<ports::RiskOpinion> promise;
};

std::string money(std::int64_t nano) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(6) << static_cast<double>(nano) / 1e9;
  return text.str();
}

void print_line(std::ostream& out, const config::ModelProvider& provider, const ports::RiskOpinion& opinion) {
  out << provider.name << " (" << provider.model << "): " << ports::word_of(opinion.outcome);
  if (opinion.outcome == ModelOutcome::ok)
    out << ", level " << risk::word_of(opinion.level) << ", confidence " << opinion.confidence;
  out << ", " << opinion.ms << " ms";
  if (opinion.status != 0) out << ", HTTP " << opinion.status;
  if (opinion.input_tokens != 0) out << ", " << opinion.input_tokens << " + " << opinion.output_tokens << " tokens";
  if (opinion.cost_nano != 0) out << ", cost " << money(opinion.cost_nano);
  out << '\n';
  if (!opinion.why.empty()) out << "  it says: " << opinion.why << '\n';
  const std::string_view hint = advice(opinion.outcome);
  if (!hint.empty()) out << "  hint: " << hint << '\n';
}

void print_json(std::ostream& out, const config::ModelProvider& provider, const ports::RiskOpinion& opinion) {
  boost::json::object line{{"provider", provider.name},
                           {"model", provider.model},
                           {"outcome", ports::word_of(opinion.outcome)},
                           {"ms", opinion.ms},
                           {"status", opinion.status},
                           {"input_tokens", opinion.input_tokens},
                           {"output_tokens", opinion.output_tokens},
                           {"cost", money(opinion.cost_nano)},
                           {"prompt_hash", opinion.prompt_hash}};
  if (opinion.outcome == ModelOutcome::ok) {
    line["level"] = risk::word_of(opinion.level);
    line["factors"] = boost::json::array(opinion.factors.begin(), opinion.factors.end());
    line["needs_approval"] = opinion.needs_approval;
    line["confidence"] = opinion.confidence;
    line["why"] = opinion.why;
  }
  out << boost::json::serialize(line) << '\n';
}

config::Models only(const config::Models& models, const config::ModelProvider& provider) {
  config::Models one = models;
  one.providers = {provider};
  one.each = one.all = {};  // whoever types this means to spend it
  return one;
}

}  // namespace

int check_models(const ModelCheck& check, std::ostream& out, std::ostream& errors) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string brief = sample_brief();
  if (check.brief) {
    out << brief << '\n';
    return 0;
  }
  const config::Loaded loaded = config::load_file(check.config_path);
  for (const config::Problem& problem : loaded.problems)
    errors << problem.line_text() << '\n';
  if (!loaded.config) return 1;
  const config::Models& models = loaded.config->models;
  std::vector<Asked> asked;
  for (const config::ModelProvider& provider : models.providers) {
    if (check.provider.empty() || provider.name == check.provider) asked.push_back({&provider, nullptr, {}});
  }
  if (asked.empty()) {
    errors << "dbgate-gateway: " << check.config_path << " has no model provider"
           << (check.provider.empty() ? "" : " called \"" + check.provider + "\"")
           << "\n  hint: add one to models.providers; docs/models.md has examples\n";
    return 1;
  }
  telemetry::EventCounters counted;  // which nobody asks for here
  const auto fetches = adapters::make_curl_fetches();
  for (Asked& one : asked) {
    one.advisor = std::make_unique<models::Advisor>(only(models, *one.provider), *fetches, counted);
    ports::RiskQuestion question;
    question.brief = brief;
    question.principal = "model-check";
    one.advisor->ask(std::move(question),
                     [&one](ports::RiskOpinion opinion) { one.promise.set_value(std::move(opinion)); });
  }
  bool good = true;
  for (Asked& one : asked) {
    const ports::RiskOpinion opinion = one.promise.get_future().get();
    good = good && opinion.outcome == ModelOutcome::ok;
    (check.json ? print_json : print_line)(out, *one.provider, opinion);
  }
  return good ? 0 : 1;
}

}  // namespace dbgate::app
