#include "gateway/session/outgoing.h"

namespace dbgate::session {

void Outgoing::forward(Bytes view) {
  bytes_ += view.size();
  auto* begin = const_cast<std::byte*>(view.data());
  if (!pieces_.empty()) {
    iovec& last = pieces_.back();
    if (static_cast<std::byte*>(last.iov_base) + last.iov_len == begin) {
      last.iov_len += view.size();
      return;
    }
  }
  pieces_.push_back({begin, view.size()});
}

void Outgoing::say(std::string message) {
  own_.push_back(std::move(message));
  std::string& kept = own_.back();
  pieces_.push_back({kept.data(), kept.size()});
  bytes_ += kept.size();
}

void Outgoing::clear() {
  pieces_.clear();
  own_.clear();
  bytes_ = 0;
}

}  // namespace dbgate::session
