#pragma once
#include <string_view>

#include "gateway/sql/facts.h"
#include "gateway/sql/signs.h"

// Facts as words: lower case, with underscores. A closed list each, and none of them the client's.
namespace dbgate::sql {

std::string_view word_of(Effect effect);
std::string_view word_of(StatementKind kind);
std::string_view word_of(SettingAction action);
std::string_view word_of(Sign sign);
std::string_view word_of(Where where);
std::string_view word_of(ActionKind kind);

}  // namespace dbgate::sql
