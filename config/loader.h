#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace dbgate::config {

/// One thing to say about a configuration file. Lines and columns count from 1.
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  bool warning = false;
  std::string text;  ///< "targets.shop.upstream.port: 70000 is not a port"

  /// "gateway.yaml:12:7: error: …"
  std::string line_text() const;
};

/// Where something stands. Lines count from 1.
struct Place {
  std::string file;
  int line = 0;
};
/// @param line  counts on through all of them, as lines in a Config do
Place place_of(const std::vector<SourceFile>& sources, int line);

struct Secrets;

struct Loaded {
  std::optional<Config> config;  ///< empty if there was an error
  std::vector<Problem> problems;
  std::vector<std::string> files;   ///< that it names, those that cannot be read too
  std::vector<SourceFile> sources;  ///< that it consists of
};

/// What a configuration is read for.
enum class Purpose : std::uint8_t {
  serve,  ///< files and secrets that it names must be there
  judge   ///< policies alone: secrets are not read, and files need not exist
};

/// Reads a file, and the files `conf.d/*.yaml` beside it. Relative paths in all of them are taken from the directory of
/// the first.
/// @param secrets  what is secret is noted there; null: nobody asks
Loaded load_file(const std::string& path, Purpose purpose = Purpose::serve, Secrets* secrets = nullptr);
/// The same for a text, which is all; `directory` stands for the file's.
Loaded load_text(std::string_view yaml, const std::string& file, const std::string& directory,
                 Purpose purpose = Purpose::serve, Secrets* secrets = nullptr);

/// What changes when a configuration of that file does, or gets another part: the paths of its files, and others.
std::vector<std::string> parts_to_watch(const std::string& path, const std::vector<SourceFile>& sources);

/// A file of tests of policies.
struct LoadedTests {
  bool is_configuration = false;  ///< a whole configuration; everything else is empty then
  std::string config;             ///< path of the configuration that the file names; may be empty
  std::vector<PolicyTest> tests;
  std::vector<Problem> problems;
  bool failed = false;
};
LoadedTests load_tests(const std::string& path);

/// "250ms", "30s", "5m", "1h", "0". False if it is none, or longer than a year.
bool parse_duration(std::string_view text, Milliseconds& duration);

/// "public.customers(id, city)" and the like, folded as PostgreSQL folds. False if it is none.
bool parse_table_pattern(std::string_view text, TablePattern& pattern);

/// Whether a gateway of this configuration has an identity store: people, requests and approvals are kept there.
inline bool has_store(const Config& config) noexcept {
  const bool named = !config.store.url.empty();  // while it is being read it may not be yet, and is a file then
  return config.api.enabled || (named && config.store.shared());
}

}  // namespace dbgate::config
