#pragma once
#include <boost/json/object.hpp>
#include <cstddef>
#include <string>

namespace dbgate::cli {

/// What a transaction has changed (`details.changes` of an approval), as somebody reads it who is to decide: tables
/// with counts, then rows before and after. Values are strangers' text: nothing reaches the terminal but characters
/// that are seen.
/// @param rows  so many of the rows; of the others it says how many there are
std::string change_sheet(const boost::json::object& changes, std::size_t rows);

}  // namespace dbgate::cli
