#pragma once
#include <string>

namespace dbgate::ports {

/// Something that happened, for whoever watches. Never SQL text, values or secrets: ids and names.
struct Event {
  std::string topic;  ///< "sessions", "approvals", "queries"
  std::string type;   ///< "session.start" and the like
  std::string user;   ///< whose it is: he may see it, and those with the role `auditor`; empty: only those
  std::string data;   ///< a JSON object, on one line
};

/// Takes events. Any thread; never blocks.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void publish(Event event) = 0;
};

}  // namespace dbgate::ports
