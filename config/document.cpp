#include "config/document.h"

#include <algorithm>
#include <filesystem>

namespace dbgate::config {
namespace {

namespace fs = std::filesystem;

// Aliases can make a node a part of itself.
constexpr int most_levels = 100;

int lines_of(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
}

// In the order of bytes. Names with a dot in front are those of versions that kubelet keeps, and of editors.
std::vector<std::string> names_of_parts(const std::string& directory, Report& report) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(".yaml") && !name.starts_with('.')) names.push_back(name);
  }
  // What cannot be read might be what denies.
  if (failed && failed != std::errc::no_such_file_or_directory) report.unreadable(directory, failed.message());
  std::sort(names.begin(), names.end());
  return names;
}

class Merge {
 public:
  explicit Merge(Report& report) : report_(report) {}

  // A new map: one that has an alias stands elsewhere too, where nothing is to change.
  YAML::Node maps(const YAML::Node& earlier, const YAML::Node& later, const std::string& path, int level) {
    YAML::Node whole(YAML::NodeType::Map);
    for (const auto& entry : earlier) {
      const auto other = find(later, entry.first);
      whole.force_insert(entry.first, other == later.end() ? entry.second : both(entry, *other, path, level));
    }
    for (const auto& entry : later) {
      if (find(earlier, entry.first) == earlier.end()) whole.force_insert(entry.first, entry.second);
    }
    return whole;
  }

 private:
  using Entry = YAML::const_iterator::value_type;

  static YAML::const_iterator find(const YAML::Node& map, const YAML::Node& key) {
    return std::find_if(map.begin(), map.end(), [&key](const auto& entry) {
      return entry.first.IsScalar() && key.IsScalar() && entry.first.Scalar() == key.Scalar();
    });
  }

  YAML::Node both(const Entry& earlier, const Entry& later, const std::string& path, int level) {
    const std::string key = path.empty() ? earlier.first.Scalar() : path + "." + earlier.first.Scalar();
    if (earlier.second.IsNull()) return later.second;
    if (later.second.IsNull()) return earlier.second;
    const bool map = earlier.second.IsMap() && later.second.IsMap();
    if (map && level < most_levels) return maps(earlier.second, later.second, key, level + 1);
    if (earlier.second.IsSequence() && later.second.IsSequence()) return later.second;
    const bool scalars = earlier.second.IsScalar() && later.second.IsScalar();
    const bool same = scalars && earlier.second.Scalar() == later.second.Scalar();
    // Each file may say of which format it is.
    if (!same || key != "version") {
      const std::string first = report_.place_of(earlier.first.Mark());
      report_.error(later.first.Mark(), key, "is set in " + first + " already; leave it out in one of them");
    }
    return earlier.second;
  }

  Report& report_;
};

std::string parts_directory(const std::string& path) {
  return directory_of(path) + "/conf.d";
}

}  // namespace

// The directory changes when a file comes or goes; a name in it is there to have it watched while it has none.
std::vector<std::string> parts_to_watch(const std::string& path, const std::vector<SourceFile>& sources) {
  std::vector<std::string> files{parts_directory(path), parts_directory(path) + "/*.yaml"};
  for (const SourceFile& one : sources)
    files.push_back(one.path);
  return files;
}

Document read_document(const std::string& path, Report& report) {
  Document document;
  report.sources = {{path, 0}};
  document.problem = read_whole(path, document.text);
  if (!document.problem.empty()) return document;
  document.root = YAML::Load(document.text);
  int before = lines_of(document.text);
  const std::string directory = parts_directory(path);
  for (const std::string& name : names_of_parts(directory, report)) {
    const std::string file = directory + "/" + name;
    report.sources.push_back({file, before});
    std::string text;
    if (const std::string problem = read_whole(file, text); !problem.empty()) {
      report.unreadable(file, problem);
      continue;
    }
    // Marks cannot be moved, but what they count can.
    const YAML::Node part = YAML::Load(std::string(static_cast<std::size_t>(before), '\n') + text);
    before += lines_of(text);
    document.text += "\n" + text;
    if (part.IsNull()) continue;
    if (part.IsMap() && document.root.IsMap()) {
      document.root = Merge(report).maps(document.root, part, "", 0);
    } else if (!part.IsMap()) {
      report.error(part.Mark(), "", "the file must hold a map of settings");
    }
  }
  return document;
}

}  // namespace dbgate::config
