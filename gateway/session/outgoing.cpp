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

bool Outgoing::written(std::size_t bytes) {
  if (bytes >= bytes_) {
    clear();
    return true;
  }
  bytes_ -= bytes;
  std::size_t whole = 0;
  for (; bytes >= pieces_[whole].iov_len; ++whole)
    bytes -= pieces_[whole].iov_len;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(whole));
  pieces_.front().iov_base = static_cast<std::byte*>(pieces_.front().iov_base) + bytes;
  pieces_.front().iov_len -= bytes;
  return false;
}

void Outgoing::clear() {
  pieces_.clear();
  if (!own_.empty()) own_.clear();
  bytes_ = 0;
}

}  // namespace dbgate::session
