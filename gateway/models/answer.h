#pragma once
#include <string>
#include <string_view>

#include "gateway/ports/risk_model.h"

namespace dbgate::models {

/// Reads what a model has answered. Anything but exactly what answer_schema() asks for leaves the outcome `invalid` and
/// the rest as it was: another word, a missing member, one too many, text around the object, JSON that is cut off.
void read_answer(std::string_view text, ports::RiskOpinion& opinion);

/// Somebody else's words, made fit to be shown: one line of plain text, 300 characters at most, without control
/// characters, characters that are not seen, and those that turn the direction of writing.
std::string plain_words(std::string_view text);

}  // namespace dbgate::models
