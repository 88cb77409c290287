#include "gateway/sinks/syslog_frame.h"

#include "gateway/search/record.h"

namespace dbgate::sinks {
namespace {

constexpr unsigned severity = 6;  // informational
constexpr std::size_t most_process = 128;
constexpr std::size_t most_message = 32;

}  // namespace

std::string syslog_name(std::string_view name, std::size_t most) {
  std::string out;
  for (const char c : name.substr(0, most))
    if (c > ' ' && c < '\x7f') out += c;
  return out.empty() ? "-" : out;
}

void append_syslog(std::string& out, const SyslogOrigin& origin, const ports::SinkRecord& record) {
  search::Record read;
  const bool known = search::read_record(record.line, read);
  std::string head = "<" + std::to_string(origin.facility * 8 + severity) + ">1 ";
  head += known ? read.time : std::string_view("-");
  head += " " + origin.host + " " + origin.app_name + " " + syslog_name(record.chain, most_process) + " ";
  head += known ? syslog_name(read.event, most_message) : "-";
  head += " [origin software=\"dbgate\"] ";
  out += std::to_string(head.size() + record.line.size()) + " ";
  out += head;
  out += record.line;
}

}  // namespace dbgate::sinks
