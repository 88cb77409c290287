#pragma once
#include <string>
#include <vector>

namespace dbgate::ports {

/// Something that happened, for whoever watches. Never SQL text, values or secrets: ids and names.
struct Event {
  std::string topic;                    ///< "sessions", "sign_ins", "changes", "denials", "approvals", "queries"
  std::string type;                     ///< "session.start" and the like
  std::string user;                     ///< whose it is: may see it, as may those with the role `auditor`; may be empty
  std::string by;                       ///< who did it: sees it too; may be empty
  std::string data;                     ///< a JSON object, on one line
  std::vector<std::string> users = {};  ///< whom it concerns besides: they see it
  std::vector<std::string> groups = {};  ///< and whoever is in one of these
};

/// Takes events. Any thread; never blocks.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void publish(Event event) = 0;
};

}  // namespace dbgate::ports
