#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {

void EventLog::operator()(const Event& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
  changed_.notify_all();
}

}  // namespace dbgate::adapters::store
