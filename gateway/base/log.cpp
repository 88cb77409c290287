#include "gateway/base/log.h"

namespace dbgate::log {
namespace {

std::atomic<Sink*> current_sink{nullptr};
std::atomic<Level> current_level{Level::info};

}  // namespace

void set_sink(Sink* sink) noexcept {
  current_sink.store(sink);
}
void set_level(Level level) noexcept {
  current_level.store(level, std::memory_order_relaxed);
}

bool enabled(Level level) noexcept {
  return level >= current_level.load(std::memory_order_relaxed) && current_sink.load() != nullptr;
}

void write(Level level, std::string_view component, std::string_view message, Fields fields) {
  if (Sink* const sink = current_sink.load()) sink->write(level, component, message, fields);
}

}  // namespace dbgate::log
