#pragma once
#include <string>
#include <vector>

#include "config/loader.h"

namespace dbgate::policy {

/// What of a session's time zone and date format a condition could rest on: clients choose both.
struct Times {
  bool local = false;     ///< current_date and the like
  bool styled = false;    ///< a literal that DateStyle gives its meaning, or the clock: 05/06/2024, today
  bool instant = false;   ///< now() and the like
  bool literal = false;   ///< a day or time without a zone, written as ISO 8601 has it
  bool converts = false;  ///< casts and functions from one type of time to another
  bool zoned = false;     ///< says at which zone

  /// @param instants  whether it names a column with a time zone
  /// @param days      whether it names one without: a date, or a timestamp without time zone
  bool rest_on_session(bool instants, bool days) const noexcept;
};

/// A condition of `filter`, ready to stand in a WHERE: of one relation, without sub-queries, every :user.attribute a
/// look at the setting that carries it (setting_of_attribute).
struct RowCondition {
  std::string sql;
  std::vector<std::string> columns;     ///< that it names, unqualified
  std::vector<std::string> attributes;  ///< of the user, that it names
  Times times;
  std::string problem;  ///< why it is none; else empty
};
RowCondition read_condition(const std::string& text);

/// The server setting that carries an attribute of the principal.
std::string setting_of_attribute(const std::string& attribute);

/// What is wrong with the conditions of a configuration, each with its place.
std::vector<config::Problem> check_filters(const config::Config& config, const std::string& file);

}  // namespace dbgate::policy
