#include "gateway/net/send_batch.h"

#include <liburing.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "gateway/net/reactor.h"

namespace dbgate::net {
namespace {

constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
constexpr ssize_t not_known = std::numeric_limits<ssize_t>::min();

ssize_t send_plain(int descriptor, const char* data, std::size_t bytes) noexcept {
  ssize_t sent = 0;
  do {
    sent = ::send(descriptor, data, bytes, flags);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

}  // namespace

void SendBatch::FreeRing::operator()(io_uring* ring) const noexcept {
  io_uring_queue_exit(ring);
  delete ring;
}

SendBatch::SendBatch() noexcept = default;
SendBatch::~SendBatch() = default;

// At the first use: a ring belongs to a thread that sends, and many processes with a reactor never do.
bool SendBatch::open() noexcept {
  if (ring_) return true;
  if (refused_) return false;
  auto ring = std::make_unique<io_uring>();
  if (::io_uring_queue_init(most_messages, ring.get(), 0) != 0) {
    refused_ = true;
    return false;
  }
  // Spares the kernel looking the descriptor up with each call; where it cannot, the descriptor does.
  ::io_uring_register_ring_fd(ring.get());
  ring_.reset(ring.release());
  room_ = std::make_unique_for_overwrite<char[]>(room_bytes);
  return true;
}

bool SendBatch::add(Watch& watch, std::span<const iovec> pieces) noexcept {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces)
    bytes += piece.iov_len;
  if (bytes == 0 || bytes > longest_message || !open()) return false;
  if (count_ == most_messages || room_bytes - used_ < bytes) flush();
  Message& message = messages_[count_++];
  message = {&watch, static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(bytes)};
  for (const iovec& piece : pieces) {
    std::memcpy(room_.get() + used_, piece.iov_base, piece.iov_len);
    used_ += piece.iov_len;
  }
  return true;
}

void SendBatch::finish(Message& message, ssize_t result) noexcept {
  Watch* const watch = std::exchange(message.watch, nullptr);
  watch->sent(result, {room_.get() + message.offset, message.bytes});
}

void SendBatch::flush() noexcept {
  if (count_ == 0) return;
  Results results;
  results.fill(not_known);
  if (count_ == 1 || !send_together(results)) {
    // Also after a failure in between: what has no result has not been sent.
    for (std::size_t i = 0; i < count_; ++i) {
      const Message& message = messages_[i];
      if (message.watch == nullptr || results[i] != not_known) continue;
      results[i] = send_plain(message.watch->descriptor(), room_.get() + message.offset, message.bytes);
    }
  }
  for (std::size_t i = 0; i < count_; ++i) {
    if (messages_[i].watch != nullptr) finish(messages_[i], results[i]);
  }
  count_ = used_ = 0;
}

// None of these sends can wait, so each is over when the call returns. False: not all were made.
bool SendBatch::send_together(Results& results) noexcept {
  unsigned left = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Message& message = messages_[i];
    if (message.watch == nullptr) continue;
    io_uring_sqe* const entry = ::io_uring_get_sqe(ring_.get());
    ::io_uring_prep_send(entry, message.watch->descriptor(), room_.get() + message.offset, message.bytes, flags);
    ::io_uring_sqe_set_data64(entry, i);
    ++left;
  }
  while (left > 0) {
    const int submitted = ::io_uring_submit_and_wait(ring_.get(), left);
    if (submitted < 0 && submitted != -EINTR) break;
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* done = nullptr;
    io_uring_for_each_cqe(ring_.get(), head, done) {
      results[::io_uring_cqe_get_data64(done)] = done->res;
      ++seen;
    }
    io_uring_cq_advance(ring_.get(), seen);
    left -= seen;
  }
  if (left == 0) return true;
  // What the kernel has not taken goes with the ring, and is sent without it.
  ring_.reset();
  refused_ = true;
  return false;
}

void SendBatch::send_now(Watch& watch) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    Message& message = messages_[i];
    if (message.watch != &watch) continue;
    finish(message, send_plain(watch.descriptor(), room_.get() + message.offset, message.bytes));
    return;
  }
}

}  // namespace dbgate::net
