#include "gateway/adapters/stderr_log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "gateway/audit/json.h"
#include "gateway/base/clock.h"

namespace dbgate::adapters {
namespace {

constexpr const char* level_names[] = {"debug", "info", "warn", "error", "off"};

class StderrLog final : public log::Sink {
 public:
  explicit StderrLog(bool json) : json_(json), logger_("dbgate", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
  }

  void write(log::Level level, std::string_view component, std::string_view message, log::Fields fields) override {
    const char* name = level_names[static_cast<std::size_t>(level)];
    std::string line;
    if (json_) {
      line = "{\"ts\":\"" + format_time(wall_clock_us()) + "\"";
      audit::append_field(line, "level", std::string_view(name));
      audit::append_field(line, "component", component);
      audit::append_field(line, "msg", message);
      for (const auto& [key, value] : fields)
        audit::append_field(line, key, value);
      line += '}';
    } else {
      line = format_time(wall_clock_us()) + " " + name + " " + std::string(component) + ": " + std::string(message);
      for (const auto& [key, value] : fields) {
        line += " " + std::string(key) + "=";
        audit::append_json_string(line, value);
      }
    }
    logger_.log(spdlog::level::critical, line);
  }

 private:
  bool json_;
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<log::Sink> make_stderr_log(bool json) {
  return std::make_unique<StderrLog>(json);
}

log::Level level_named(const std::string& name) {
  for (std::size_t i = 0; i < std::size(level_names); ++i) {
    if (name == level_names[i]) return static_cast<log::Level>(i);
  }
  return log::Level::info;
}

}  // namespace dbgate::adapters
