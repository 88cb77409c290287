#pragma once
#include <string>
#include <string_view>

#include "gateway/base/error.h"
#include "gateway/models/combine.h"

namespace dbgate::models {

/// What a decision's audit record says of the model that was asked, as a JSON object: what the rules had said, who
/// called, what was sent and its hash, what was answered and by whom, tokens, money and time, and what it all came to.
/// Enough to come to the same again without anybody being asked. Of an opinion that is used again there is the hash
/// alone of what was sent: the rest of question and answer stands in the record of the first.
std::string record_of(risk::Level rules, risk::Caller caller, std::string_view brief,
                      const ports::RiskOpinion& opinion);

/// What the record of a decision comes to now.
struct Replay {
  Combined combined;
  /// Where that is not what the record says, or the record does not fit together: in words. Empty: all as it was.
  std::string difference;
};

/// Combines rules and answer of a record again, and checks its prompt against its hash. Errors: 22023 it is no such
/// record.
Result<Replay> replay(std::string_view record);

}  // namespace dbgate::models
