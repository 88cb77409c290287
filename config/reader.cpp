#include "config/reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace dbgate::config {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "12ms" → 12 and "ms". False if there is no number in front.
bool split_number(std::string_view text, std::uint64_t& number, std::string_view& unit) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc()) return false;
  unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return true;
}

// Without the ends of its last line.
std::string secret_in(const std::string& path) {
  std::ifstream stream(path);
  std::stringstream content;
  content << stream.rdbuf();
  std::string text = content.str();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

}  // namespace

bool interpolate(std::string& text, std::string& problem) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (text.compare(i, 3, "$${") == 0) {
      result += "${";
      i += 3;
      continue;
    }
    if (text.compare(i, 2, "${") != 0) {
      result += text[i++];
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (end == std::string::npos) {
      problem = "\"${\" without \"}\"; write \"$${\" for the characters themselves";
      return false;
    }
    const std::string inside = text.substr(i + 2, end - i - 2);
    const std::size_t colon = inside.find(':');
    const std::string name = inside.substr(0, colon);
    const char* value = std::getenv(name.c_str());
    if (value != nullptr) {
      result += value;
    } else if (colon != std::string::npos && inside.compare(colon, 2, ":-") == 0) {
      result += inside.substr(colon + 2);
    } else {
      const bool message = colon != std::string::npos && inside.compare(colon, 2, ":?") == 0;
      problem = "environment variable " + name + " is not set" + (message ? ": " + inside.substr(colon + 2) : "");
      return false;
    }
    i = end + 1;
  }
  text = std::move(result);
  return true;
}

bool parse_duration(std::string_view text, Milliseconds& duration) {
  std::uint64_t number = 0;
  std::string_view unit;
  const bool split = split_number(text, number, unit);
  std::uint64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (split && number == 0 && unit.empty()) factor = 1;
  constexpr std::uint64_t longest = 366ull * 24 * 3'600'000;
  if (!split || factor == 0 || number > longest / factor) return false;
  duration = Milliseconds(number * factor);
  return true;
}

std::string Problem::line_text() const {
  const std::string place = line == 0 ? "" : ":" + std::to_string(line) + ":" + std::to_string(column);
  return file + place + ": " + (warning ? "warning" : "error") + ": " + text;
}

Place place_of(const std::vector<SourceFile>& sources, int line) {
  const SourceFile* found = &sources.front();
  for (const SourceFile& one : sources) {
    if (one.lines_before < line) found = &one;
  }
  return {found->path, line - found->lines_before};
}

std::string Report::place_of(const YAML::Mark& mark) const {
  const Place place = config::place_of(sources, mark.line + 1);
  return place.file + ":" + std::to_string(place.line);
}

void Report::unreadable(const std::string& file, const std::string& why) {
  failed = true;
  problems.push_back({file, 0, 0, false, why});
}

void Report::error(const YAML::Mark& mark, const std::string& path, const std::string& text) {
  failed = true;
  warning(mark, path, text);
  problems.back().warning = false;
}

void Report::warning(const YAML::Mark& mark, const std::string& path, const std::string& text) {
  Place place = config::place_of(sources, mark.line + 1);
  problems.push_back(
      {std::move(place.file), place.line, mark.column + 1, true, path.empty() ? text : path + ": " + text});
}

std::string nearest(std::string_view wrong, const std::vector<std::string>& words) {
  std::string best;
  std::size_t distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string& word : words) {
    const std::size_t d = edit_distance(wrong, word);
    if (d < distance) {
      distance = d;
      best = word;
    }
  }
  return best;
}

Value::Value(YAML::Node node, std::string path, Report& report)
    : node_(std::move(node)), place_(node_.Mark()), path_(std::move(path)), report_(&report) {}

// A map that several files made has no place of its own.
Value::Value(YAML::Node node, const YAML::Mark& key, std::string path, Report& report)
    : Value(std::move(node), std::move(path), report) {
  if (place_.is_null()) place_ = key;
}

void Value::unknown_name(const char* what, const std::string& name, const std::vector<std::string>& known) const {
  const std::string near = nearest(name, known);
  const std::string text = std::string("no ") + what + " is called \"" + name + "\"" +
                           (near.empty() ? "" : "; did you mean \"" + near + "\"?");
  if (open_names()) return warn(text);
  error(text);
}

void Value::refuse_stored(std::initializer_list<const char*> keys, const char* why) const {
  if (!stored()) return;
  for (const char* key : keys) {
    if ((*this)[key].present()) (*this)[key].error(why);
  }
}

void Value::expect_keys(std::initializer_list<std::string_view> keys) const {
  if (!present()) return;
  if (!node_.IsMap()) return error("must be a map of settings");
  std::set<std::string> seen;
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
    const std::string full = path_.empty() ? key : path_ + "." + key;
    if (!seen.insert(key).second) report_->error(entry.first.Mark(), full, "is set twice");
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = nearest(key, known);
    report_->error(entry.first.Mark(), full, "unknown key" + (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
  }
}

Value Value::operator[](const std::string& key) const {
  YAML::Node found(YAML::NodeType::Undefined);
  YAML::Mark place = place_;
  if (is_map()) {
    for (const auto& entry : node_) {
      if (entry.first.IsScalar() && entry.first.Scalar() == key) {
        found.reset(entry.second);
        place = entry.first.Mark();
        break;
      }
    }
  }
  return Value(found, place, path_.empty() ? key : path_ + "." + key, *report_);
}

void Value::each(const std::function<void(const Value&)>& visit) const {
  if (!present()) return;
  if (!node_.IsSequence()) return error("must be a list");
  std::size_t index = 0;
  for (const auto& element : node_) {
    visit(Value(element, path_ + "[" + std::to_string(index++) + "]", *report_));
  }
}

void Value::each_entry(const std::function<void(const std::string&, const Value&)>& visit) const {
  if (!present()) return;
  if (!node_.IsMap()) return error("must be a map");
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const Value value(entry.second, entry.first.Mark(), path_ + "." + key, *report_);
    if (key.empty()) {
      value.error("keys must be words");
    } else if (!seen.insert(key).second) {
      value.error("is set twice");
    } else {
      visit(key, value);
    }
  }
}

bool Value::scalar(std::string& text) const {
  if (!present()) return false;
  if (!node_.IsScalar()) {
    error("must be a single value");
    return false;
  }
  text = node_.Scalar();
  if (stored()) return true;  // the environment is not theirs to read
  std::string problem;
  if (interpolate(text, problem)) return true;
  error(problem);
  return false;
}

void Value::read(std::string& target) const {
  scalar(target);
}

void Value::read(bool& target) const {
  std::string text;
  if (!scalar(text)) return;
  if (text != "true" && text != "false") return error("must be true or false, not \"" + text + "\"");
  target = text == "true";
}

void Value::read(Milliseconds& target) const {
  std::string text;
  if (!scalar(text)) return;
  if (!parse_duration(text, target)) error("\"" + text + "\" is not a duration; write 250ms, 30s, 5m or 1h");
}

void Value::read(std::vector<std::string>& target) const {
  if (!present()) return;
  target.clear();
  each([&target](const Value& element) {
    std::string text;
    element.read(text);
    target.push_back(std::move(text));
  });
}

void Value::read_count(std::size_t& target, std::size_t most) const {
  std::string text;
  if (!scalar(text)) return;
  std::uint64_t number = 0;
  std::string_view rest;
  const bool octal = text.size() > 1 && text[0] == '0';
  if (!split_number(text, number, rest) || !rest.empty() || octal || number > most) {
    return error("\"" + text + "\" is not a number from 0 to " + std::to_string(most));
  }
  target = number;
}

void Value::read_decimal(double& target, double most) const {
  std::string text;
  if (!scalar(text)) return;
  double number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const bool whole = wrong == std::errc() && end == text.data() + text.size();
  if (!whole || !(number >= 0 && number <= most))
    return error("\"" + text + "\" is not a number from 0 to " + std::to_string(static_cast<long long>(most)));
  target = number;
}

void Value::read_bytes(std::size_t& target) const {
  std::string text;
  if (!scalar(text)) return;
  std::uint64_t number = 0;
  std::string_view unit;
  const bool split = split_number(text, number, unit);
  std::uint64_t factor = 0;
  if (unit == "B" || (unit.empty() && number == 0)) factor = 1;
  if (unit == "KiB") factor = 1u << 10;
  if (unit == "MiB") factor = 1u << 20;
  if (unit == "GiB") factor = 1u << 30;
  if (!split || factor == 0 || number > (1ull << 40) / factor) {
    return error("\"" + text + "\" is not a size; write 64KiB, 16MiB or 1GiB");
  }
  target = number * factor;
}

void Value::read_port(std::uint16_t& target) const {
  std::string text;
  if (!scalar(text)) return;
  std::uint64_t number = 0;
  std::string_view rest;
  if (!split_number(text, number, rest) || !rest.empty() || number > 65535) {
    return error(text + " is not a port");
  }
  target = static_cast<std::uint16_t>(number);
}

void Value::read_file_path(std::string& target) const {
  std::string text;
  if (!scalar(text) || text.empty()) return;
  if (text[0] != '/') text = report_->directory + "/" + text;
  report_->named.push_back(text);
  if (stored() && std::find(report_->files.begin(), report_->files.end(), text) == report_->files.end())
    return error("must be a file that the configuration file names too");
  if (purpose() == Purpose::serve && ::access(text.c_str(), R_OK) != 0)
    return error("file " + text + " does not exist or is not readable");
  target = std::move(text);
}

void Value::read_word(std::initializer_list<std::string_view> words, std::size_t& target) const {
  std::string text;
  if (!scalar(text)) return;
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) {
    target = static_cast<std::size_t>(found - words.begin());
    return;
  }
  std::string all;
  for (const std::string_view word : words)
    all += (all.empty() ? "" : ", ") + std::string(word);
  error("\"" + text + "\" is not one of: " + all);
}

void Value::read_secret(const std::string& key, std::string& target, bool warn_inline) const {
  if (stored()) {
    for (const char* suffix : {"", "_file", "_env", "_credential"})
      refuse_stored({(key + suffix).c_str()}, "is kept apart, sealed");
    return;
  }
  const Value plain = (*this)[key];
  const Value file = (*this)[key + "_file"];
  const Value env = (*this)[key + "_env"];
  const Value credential = (*this)[key + "_credential"];
  const int given = plain.present() + file.present() + env.present() + credential.present();
  if (given > 1)
    return error("give only one of " + key + ", " + key + "_file, " + key + "_env, " + key + "_credential");
  if (plain.present()) {
    plain.read(target);
    plain.hide();
    if (warn_inline) plain.warn("secret stands in the file itself; prefer " + key + "_file");
    return;
  }
  if (report_->secrets != nullptr) note_secret(file, env, credential);
  if (purpose() == Purpose::judge) return;
  if (env.present()) {
    std::string name;
    env.read(name);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return env.error("environment variable " + name + " is not set");
    target = value;
    return;
  }
  std::string path;
  if (file.present()) file.read_file_path(path);
  if (credential.present()) {
    std::string name;
    credential.read(name);
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr) return credential.error("CREDENTIALS_DIRECTORY is not set; systemd sets it");
    path = std::string(directory) + "/" + name;
    report_->named.push_back(path);
  }
  if (path.empty()) return;
  const Value& source = file.present() ? file : credential;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return source.error("file " + path + " does not exist");
  if ((info.st_mode & S_IROTH) != 0) return source.error("file " + path + " is readable by everybody; chmod 600 it");
  target = secret_in(path);
}

void Value::hide() const {
  std::string text;
  if (report_->secrets == nullptr || !scalar(text)) return;
  report_->secrets->paths.insert(path_);
  report_->secrets->texts.push_back(std::move(text));
}

// As far as it can be had here: what stands elsewhere may be in other values too, by a variable.
void Value::note_secret(const Value& file, const Value& env, const Value& credential) const {
  std::string text;
  if (env.present()) {
    env.read(text);
    const char* const value = std::getenv(text.c_str());
    text = value == nullptr ? "" : value;
  } else if (file.present()) {
    file.read(text);
    if (!text.starts_with('/')) text.insert(0, report_->directory + "/");
    text = secret_in(text);
  } else if (credential.present()) {
    credential.read(text);
    const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
    text = directory == nullptr ? "" : secret_in(std::string(directory) + "/" + text);
  }
  report_->secrets->texts.push_back(std::move(text));
}

}  // namespace dbgate::config
