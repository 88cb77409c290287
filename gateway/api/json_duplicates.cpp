#include "gateway/api/json_duplicates.h"

#include <boost/json/basic_parser_impl.hpp>
#include <set>
#include <vector>

#include "gateway/api/text.h"
#include "gateway/base/utf8.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::size_t most_step_bytes = 128;

// Boost.JSON keeps the last of members with one name, and tells nobody: its parser's events do.
class Names {
 public:
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Failure = json::error_code;

  const std::optional<std::string>& duplicate() const noexcept { return duplicate_; }

  bool on_object_begin(Failure&) { return begin(true); }
  bool on_object_end(std::size_t, Failure&) { return end(); }
  bool on_array_begin(Failure&) { return begin(false); }
  bool on_array_end(std::size_t, Failure&) { return end(); }
  bool on_key_part(json::string_view part, std::size_t, Failure&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, Failure& failed) {
    key_.append(part.data(), part.size());
    Level& level = levels_.back();
    level.step = pointer_step(key_);
    const bool is_new = level.names.insert(std::move(key_)).second;
    key_.clear();
    if (is_new) return true;
    duplicate_.emplace();
    for (const Level& above : levels_)
      *duplicate_ += "/" + (above.object ? above.step : std::to_string(above.item));
    failed = json::error::syntax;  // any: it stops the parser
    return false;
  }
  bool on_string_part(json::string_view, std::size_t, Failure&) { return true; }
  bool on_string(json::string_view, std::size_t, Failure&) { return item(); }
  bool on_number_part(json::string_view, Failure&) { return true; }
  bool on_int64(std::int64_t, json::string_view, Failure&) { return item(); }
  bool on_uint64(std::uint64_t, json::string_view, Failure&) { return item(); }
  bool on_double(double, json::string_view, Failure&) { return item(); }
  bool on_bool(bool, Failure&) { return item(); }
  bool on_null(Failure&) { return item(); }
  bool on_comment_part(json::string_view, Failure&) { return true; }
  bool on_comment(json::string_view, Failure&) { return true; }
  bool on_document_begin(Failure&) { return true; }
  bool on_document_end(Failure&) { return true; }

 private:
  struct Level {
    bool object = false;
    std::set<std::string, std::less<>> names;
    std::string step;      // of the last name
    std::size_t item = 0;  // of an array
  };

  bool begin(bool object) {
    levels_.push_back({object, {}, {}, 0});
    return true;
  }
  bool end() {
    levels_.pop_back();
    return item();
  }
  bool item() {
    if (!levels_.empty()) ++levels_.back().item;
    return true;
  }

  std::vector<Level> levels_;
  std::string key_;
  std::optional<std::string> duplicate_;
};

}  // namespace

std::string pointer_step(std::string_view name) {
  std::string step;
  for (const char c : name.substr(0, most_step_bytes)) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return is_utf8(step) ? step : std::string();
}

std::optional<std::string> find_duplicate(std::string_view text) {
  json::basic_parser<Names> parser{json::parse_options()};
  boost::system::error_code failed;
  parser.write_some(false, text.data(), text.size(), failed);
  return parser.handler().duplicate();
}

}  // namespace dbgate::api
