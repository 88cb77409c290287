#include "gateway/app/replay_risk.h"

#include <boost/json.hpp>
#include <fstream>
#include <istream>
#include <ostream>

#include "gateway/models/record.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;

struct Tally {
  std::size_t replayed = 0;
  std::size_t wrong = 0;
};

void replay_line(const std::string& line, std::size_t number, Tally& tally, std::ostream& out) {
  json::error_code broken;
  const json::value record = json::parse(line, broken);
  const json::object* const object = record.if_object();
  if (object == nullptr) {
    ++tally.wrong;
    out << "line " << number << ": no JSON object\n";
    return;
  }
  const json::value* const asked = object->if_contains("risk.model");
  if (asked == nullptr) return;
  const json::array one{*asked};
  for (const json::value& each : asked->is_array() ? asked->get_array() : one) {
    ++tally.replayed;
    const auto replayed = models::replay(json::serialize(each));
    const std::string problem = replayed ? replayed->difference : replayed.error().message();
    if (problem.empty()) continue;
    ++tally.wrong;
    out << "line " << number << ": " << problem << '\n';
  }
}

}  // namespace

int replay_risk(const std::string& path, std::istream& in, std::ostream& out, std::ostream& errors) {
  std::ifstream file;
  if (path != "-") file.open(path);
  if (!in || (path != "-" && !file)) {
    errors << "dbgate-gateway: " << path << " cannot be read\n";
    return 1;
  }
  std::istream& records = path == "-" ? in : file;
  Tally tally;
  std::size_t number = 0;
  for (std::string line; std::getline(records, line);) {
    ++number;
    if (!line.empty()) replay_line(line, number, tally, out);
  }
  out << tally.replayed << (tally.replayed == 1 ? " decision" : " decisions") << " with a model, " << tally.wrong
      << (tally.wrong == 1 ? " problem\n" : " problems\n");
  return tally.wrong == 0 ? 0 : 1;
}

}  // namespace dbgate::app
