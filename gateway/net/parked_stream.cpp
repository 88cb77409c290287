#include "gateway/net/parked_stream.h"

#include "gateway/net/tls_bio.h"

namespace dbgate::net {
namespace {

// What comes before the wait begins is an event of it: epoll reports what is there when a descriptor is added.
Wait begin(Watch& watch) noexcept {
  watch.nothing_to_read();
  return watch.wait_readable();
}

}  // namespace

ParkedStream::ParkedStream(Stream&& stream)
    : reactor_(*stream.reactor_),
      watch_(std::in_place, reactor_, stream.forget_descriptor()),
      tls_(std::move(stream.tls_)),
      wait_(begin(*watch_)) {}

ParkedStream::~ParkedStream() {
  if (watch_) static_cast<void>(unpark());
}

Stream ParkedStream::unpark() {
  Stream stream(static_cast<boost::asio::io_context&>(reactor_.context()), -1);
  const int descriptor = watch_->descriptor();
  watch_.reset();
  stream.watch_ = std::make_unique<Watch>(reactor_, descriptor);
  stream.tls_ = std::move(tls_);
  if (stream.tls_) connect_tls_to(stream.tls_.get(), *stream.watch_);
  return stream;
}

}  // namespace dbgate::net
