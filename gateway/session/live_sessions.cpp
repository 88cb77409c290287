#include "gateway/session/live_sessions.h"

namespace dbgate::session {

void LiveSession::leave_list() noexcept {
  if (back_ == nullptr) return;
  *back_ = next_;
  if (next_ != nullptr) next_->back_ = back_;
  next_ = nullptr;
  back_ = nullptr;
}

void LiveSessions::add(LiveSession& session) noexcept {
  session.next_ = first_;
  session.back_ = &first_;
  if (first_ != nullptr) first_->back_ = &session.next_;
  first_ = &session;
}

}  // namespace dbgate::session
