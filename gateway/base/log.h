#pragma once
#include <atomic>
#include <initializer_list>
#include <string_view>
#include <utility>

// Structured application log. Never SQL text, bind values, tokens or passwords, at any level.
namespace dbgate::log {

enum class Level : unsigned char { debug, info, warn, error, off };
using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::initializer_list<Field>;

/// Where lines go. Called from any thread; must not throw.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(Level level, std::string_view component, std::string_view message, Fields fields) = 0;
};

/// Not owned; null drops everything. Set once at start, before threads.
void set_sink(Sink* sink) noexcept;
void set_level(Level level) noexcept;
bool enabled(Level level) noexcept;
void write(Level level, std::string_view component, std::string_view message, Fields fields);

inline void debug(std::string_view component, std::string_view message, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, component, message, fields);
}
inline void info(std::string_view component, std::string_view message, Fields fields = {}) {
  if (enabled(Level::info)) write(Level::info, component, message, fields);
}
inline void warn(std::string_view component, std::string_view message, Fields fields = {}) {
  if (enabled(Level::warn)) write(Level::warn, component, message, fields);
}
inline void error(std::string_view component, std::string_view message, Fields fields = {}) {
  if (enabled(Level::error)) write(Level::error, component, message, fields);
}

}  // namespace dbgate::log
