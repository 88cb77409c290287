#include "config/effective.h"

#include <algorithm>
#include <regex>

#include "config/document.h"

namespace dbgate::config {
namespace {

constexpr const char* hidden = "***";
// Shorter ones are parts of too many words.
constexpr std::size_t shortest_found_inside = 4;

// Passwords in URLs: "://user:PASSWORD@" and "password=PASSWORD".
std::string without_passwords(const std::string& text) {
  if (text.find("://") == std::string::npos && text.find('=') == std::string::npos) return text;
  // Longer than any URL, and than what the expressions have room on the stack for.
  constexpr std::size_t longest = 8192;
  if (text.size() > longest) return hidden;
  static const std::regex in_authority("(://[^/?#@:]*:)[^/?#]*@");
  static const std::regex in_query("(pass(word|wd)?=)[^&#\\s]*", std::regex::icase);
  return std::regex_replace(std::regex_replace(text, in_authority, "$01***@"), in_query, "$01***");
}

/// Writes a tree of YAML anew.
class Writer {
 public:
  explicit Writer(const Secrets& secrets) : secrets_(secrets) {}

  void write(const YAML::Node& node, const std::string& path) {
    if (node.IsMap()) return write_map(node, path);
    if (node.IsSequence()) return write_list(node, path);
    if (!node.IsScalar()) {
      out_ << YAML::Null;
      return;
    }
    const std::string text = shown(node.Scalar(), path);
    // A text that is quoted stays so: unquoted it might be nothing, a number or a flag.
    if (node.Tag() == "!" || text == hidden) out_ << YAML::DoubleQuoted;
    out_ << text;
  }

  std::string text() const { return std::string(out_.c_str()) + "\n"; }

 private:
  void write_map(const YAML::Node& node, const std::string& path) {
    out_ << YAML::BeginMap;
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      out_ << YAML::Key << (holds_secret(key) ? hidden : key) << YAML::Value;
      write(entry.second, path.empty() ? key : path + "." + key);
    }
    out_ << YAML::EndMap;
  }

  void write_list(const YAML::Node& node, const std::string& path) {
    out_ << YAML::BeginSeq;
    std::size_t index = 0;
    for (const auto& element : node)
      write(element, path + "[" + std::to_string(index++) + "]");
    out_ << YAML::EndSeq;
  }

  std::string shown(std::string text, const std::string& path) const {
    if (secrets_.paths.contains(path)) return hidden;
    std::string ignored;
    // A variable that is not set has been reported where it counts.
    if (!interpolate(text, ignored) || holds_secret(text)) return hidden;
    return without_passwords(text);
  }

  bool holds_secret(const std::string& text) const {
    return std::any_of(secrets_.texts.begin(), secrets_.texts.end(), [&text](const std::string& secret) {
      if (secret.empty()) return false;
      return secret.size() < shortest_found_inside ? text == secret : text.find(secret) != std::string::npos;
    });
  }

  const Secrets& secrets_;
  YAML::Emitter out_;
};

}  // namespace

Effective load_effective(const std::string& path) {
  Secrets secrets;
  Document document;
  Report report{
      .sources = {{path, 0}}, .directory = directory_of(path), .purpose = Purpose::judge, .secrets = &secrets};
  Loaded loaded = load_document([&](Report& told) { return document = read_document(path, told); }, std::move(report));
  Effective effective;
  effective.problems = std::move(loaded.problems);
  if (!loaded.config) return effective;
  Writer writer(secrets);
  writer.write(document.root, "");
  effective.yaml = writer.text();
  return effective;
}

std::string schema_text() {
  static constexpr unsigned char bytes[] = {
#include "schema.inc"
  };
  return {reinterpret_cast<const char*>(bytes), sizeof bytes};
}

}  // namespace dbgate::config
