#include "gateway/session/outgoing.h"

#include <algorithm>

namespace dbgate::session {
namespace {

// Too large for a string to hold within itself: it must not move with the list.
constexpr std::size_t own_room = 512;
constexpr std::size_t short_view = 256;

}  // namespace

void Outgoing::forward(Bytes view) {
  if (view.size() > short_view || !ends_with_own_text()) return add(view);
  std::string& own = own_.back();
  if (own.capacity() - own.size() < view.size()) return add(view);
  const std::size_t begin = own.size();
  own += protocol::as_text(view);
  add(protocol::as_bytes(std::string_view(own).substr(begin)));
}

bool Outgoing::ends_with_own_text() const {
  if (pieces_.empty() || own_.empty()) return false;
  const iovec& last = pieces_.back();
  return static_cast<const char*>(last.iov_base) + last.iov_len == own_.back().data() + own_.back().size();
}

void Outgoing::add(Bytes view) {
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

void Outgoing::say(std::string_view message) {
  if (own_.empty() || own_.back().capacity() - own_.back().size() < message.size()) {
    own_.emplace_back().reserve(std::max(message.size(), own_room));
  }
  std::string& kept = own_.back();
  const std::size_t begin = kept.size();
  kept += message;
  add(protocol::as_bytes(std::string_view(kept).substr(begin)));
}

void Outgoing::copy_to(std::string& text, std::size_t from) const {
  for (const iovec& piece : pieces_) {
    const std::size_t skipped = std::min(from, piece.iov_len);
    from -= skipped;
    text.append(static_cast<const char*>(piece.iov_base) + skipped, piece.iov_len - skipped);
  }
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
  bytes_ = 0;
  if (own_.empty()) return;
  own_.resize(1);
  own_.front().clear();
}

void Outgoing::trim() {
  if (!pieces_.empty()) return;
  std::vector<iovec>().swap(pieces_);
  std::vector<std::string>().swap(own_);
}

}  // namespace dbgate::session
