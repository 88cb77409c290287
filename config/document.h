#pragma once
#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <vector>

#include "config/reader.h"

namespace dbgate::config {

/// What a configuration consists of: a file, and `conf.d/*.yaml` beside it in the order of their names.
struct Document {
  YAML::Node root;   ///< of all of them as one. Marks count lines on from file to file: Report knows whose they are
  std::string text;  ///< of all, one behind the other
  std::string problem = {};  ///< why the first could not be read; empty: it could
};

/// Maps of several files become one, a list takes the place of an earlier one, and anything else may be set once.
/// Problems with files of conf.d go to the report, which is told which lines are whose.
/// @throws YAML::Exception  one of them is no YAML; its mark counts as those of the root
Document read_document(const std::string& path, Report& report);

/// Reads what the document says.
Loaded load_document(const std::function<Document(Report&)>& read, Report report);

}  // namespace dbgate::config
