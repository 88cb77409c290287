#pragma once
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/models/brief.h"

// The parts of a brief that the catalog has to do with. Inside models/ only.
namespace dbgate::models {

/// What a brief is written from.
struct Subject {
  const sql::Statement& statement;
  const risk::Circumstances& circumstances;
  const BriefOptions& options;

  const catalog::Relation* find(const sql::QualifiedName& name) const {
    return circumstances.resolver == nullptr ? nullptr : circumstances.resolver->relation(name);
  }
  /// "T1"; empty: it is not among the statement's relations.
  std::string id_of(const sql::QualifiedName& name) const;
};

/// No list is longer; where more is, a count says so.
inline constexpr std::size_t most_listed = 12;

/// Orders of magnitude: "0", "1-9", "10-99", … "unknown" for less than nothing.
std::string magnitude(double count);

boost::json::array relations_of(const Subject& subject);
boost::json::array functions_of(const Subject& subject);
/// What the objects are that the statement means, for Brief::key.
std::string identities_of(const Subject& subject);

}  // namespace dbgate::models
