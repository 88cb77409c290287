#pragma once
#include <string>
#include <vector>

#include "config/loader.h"

namespace dbgate::policy {

/// A condition of `filter`, ready to stand in a WHERE: of one relation, without sub-queries, every :user.attribute a
/// look at the setting that carries it (setting_of_attribute).
struct RowCondition {
  std::string sql;
  std::vector<std::string> columns;     ///< that it names, unqualified
  std::vector<std::string> attributes;  ///< of the user, that it names
  std::string problem;                  ///< why it is none; else empty
};
RowCondition read_condition(const std::string& text);

/// The server setting that carries an attribute of the principal.
std::string setting_of_attribute(const std::string& attribute);

/// What is wrong with the conditions of a configuration, each with its place.
std::vector<config::Problem> check_filters(const config::Config& config, const std::string& file);

}  // namespace dbgate::policy
