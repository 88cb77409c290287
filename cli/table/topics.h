#pragma once
#include <string>
#include <utility>
#include <vector>

namespace dbgate::cli {

/// What `dbgate help TOPIC` explains: a few paragraphs, then terms with their meaning.
struct Topic {
  std::string name;
  std::string title;
  std::vector<std::string> paragraphs;
  std::vector<std::pair<std::string, std::string>> terms;
};

/// environment, exit-codes, formatting, files.
const std::vector<Topic>& topics();
/// What an exit status means; empty for one that is not ours.
std::string exit_meaning(int status);

}  // namespace dbgate::cli
