#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "gateway/api/http_server.h"
#include "gateway/app/metrics.h"
#include "gateway/app/worker.h"
#include "gateway/base/thread.h"

namespace dbgate::app {

/// Probes and metrics over plain HTTP, with an event loop and thread of their own: they answer whatever the rest does.
class OpsSide {
 public:
  /// Binds the listener of the configuration. Errors name what is at fault. @param audit  outlives this
  /// @param socket  net::ListenAddress::socket
  static Result<std::unique_ptr<OpsSide>> open(Shared& shared, const ports::AuditLog& audit, int socket);
  ~OpsSide();
  OpsSide(const OpsSide&) = delete;
  OpsSide& operator=(const OpsSide&) = delete;

  void start();
  /// Ends the loop and its thread. Workers may be about to answer: this stays until they have ended.
  void stop();
  /// The same, and listens no more.
  void leave();
  int descriptor() noexcept { return server_.descriptor(); }

 private:
  OpsSide(Shared& shared, const ports::AuditLog& audit);
  Task<api::Response> answer(const api::Request& request);

  Shared& shared_;
  const ports::AuditLog& audit_;
  boost::asio::io_context context_{1};
  Metrics metrics_;
  api::HttpServer server_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
