#pragma once
#include "gateway/session/engine.h"
#include "gateway/session/host.h"

namespace dbgate::session {

inline constexpr std::string_view postgres_engine = "postgresql";

/// PostgreSQL's wire protocol, versions 3.0 to 3.2.
class PostgresEngine final : public Engine {
 public:
  explicit PostgresEngine(Host& host) : host_(host) {}
  std::string_view name() const noexcept override { return postgres_engine; }
  Task<> serve(net::Stream client, Arrival arrival) override;

 private:
  Host& host_;
};

}  // namespace dbgate::session
