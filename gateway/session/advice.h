#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/ids.h"
#include "gateway/policy/verdict.h"
#include "gateway/ports/risk_model.h"

// What models are asked of statements whose harm rules are unsure of (docs/models.md).
namespace dbgate::session {

/// A statement that rules rate, and are unsure of.
struct Doubt {
  ports::RiskQuestion question;  ///< without a brief: the text has more of them than anybody is asked about
  config::RiskLevel rules = config::RiskLevel::info;
};

/// The doubts about one text. Shared by all that comes of the same judgement, like its record; of one thread.
struct Advice {
  using Time = std::chrono::steady_clock::time_point;
  std::vector<Doubt> doubts;
  bool waits = false;  ///< the text waits for answers; else it is asked for afterwards what is not known

  // What answers have come to, for as long as they may be used again without looking for them.
  Time until{};
  std::shared_ptr<const policy::Verdict> verdict;

  Time asked_until{};  ///< it was asked afterwards, and until then there is no need to do so again
};

/// What a model has said to one question.
struct Answered {
  std::string brief;  ///< of the question
  ports::RiskOpinion opinion;
};
/// What models have answered for one message.
struct Heard {
  std::vector<Answered> answers;
};
using HeardListener = std::function<void(Heard)>;

/// What is asked afterwards, about a statement that has run meanwhile.
struct LateQuestions {
  std::vector<Doubt> doubts;
  Id query_id;  ///< of its decision
};

/// A relay's part: the message at hand waits for what models say of it.
struct AskSide {
  std::vector<ports::RiskQuestion> questions;
  std::unique_ptr<Heard> heard;  ///< null: nobody has answered yet
  bool cancelled = false;        ///< by the client
};

/// The memory that it takes, together with what answers will come to.
std::size_t bytes_of(const Advice& advice);

}  // namespace dbgate::session
