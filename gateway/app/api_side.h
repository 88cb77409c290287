#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "gateway/api/http_server.h"
#include "gateway/api/services.h"
#include "gateway/app/access_service.h"
#include "gateway/app/account_service.h"
#include "gateway/app/approval_service.h"
#include "gateway/app/bearers.h"
#include "gateway/app/kept_answers.h"
#include "gateway/app/peers.h"
#include "gateway/app/query_entrance.h"
#include "gateway/app/service.h"
#include "gateway/queries/queries.h"

namespace dbgate::app {

/// The API with its event loop and thread.
class ApiSide {
 public:
  /// @param administration  null without an identity store
  /// @param audit  searches of the audit log
  /// @param socket  net::ListenAddress::socket
  /// Binds the listener of the configuration. Errors name what is at fault.
  static Result<std::unique_ptr<ApiSide>> open(Shared& shared, std::unique_ptr<ports::AuditChain> chain,
                                               std::function<Worker&()> next_worker,
                                               ports::Administration* administration, ports::AuditSearch& audit,
                                               int socket);
  ~ApiSide();
  ApiSide(const ApiSide&) = delete;
  ApiSide& operator=(const ApiSide&) = delete;

  void start();
  void stop_listening();
  /// Of the socket that listens. Before start(), or while nobody stops it.
  int descriptor() noexcept { return server_.descriptor(); }
  /// Ends the loop and its thread. What waits for workers stays until they have ended, as they may be about to answer.
  void stop();
  ports::GatewayService& service() noexcept { return service_; }
  /// Where the service is used.
  net::Executor executor() { return context_.get_executor(); }
  /// What callers have used up of their requests. Any thread.
  api::RateLimiter& rates() noexcept { return dispatcher_.rates(); }
  /// What another gateway asks about a query. On the thread of executor().
  Task<std::optional<ports::QueryAnswer>> answer(ports::QueryQuestion question);
  /// Takes what those who watch GET /events are told. Any thread.
  ports::EventSink& events() noexcept { return events_; }

 private:
  ApiSide(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker,
          ports::Administration* administration, ports::AuditSearch& audit);
  api::ServerSettings settings() const;

  Shared& shared_;
  Service service_;
  QueryEntrance entrance_;
  queries::Queries queries_;
  AccountService accounts_;
  // Before everything whose waits it runs.
  boost::asio::io_context context_{1};
  AccessService access_;
  ApprovalService approvals_;
  Bearers authenticator_;
  KeptAnswers idempotency_;
  api::EventHub events_;
  std::unique_ptr<QueriesElsewhere> elsewhere_;  // null without other gateways
  api::Services services_;
  api::Dispatcher dispatcher_;
  api::HttpServer server_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
