#pragma once
#include "gateway/session/dormitory.h"
#include "gateway/session/engine.h"
#include "gateway/session/host.h"

namespace dbgate::session {

inline constexpr std::string_view postgres_engine = "postgresql";

/// PostgreSQL's wire protocol, versions 3.0 to 3.2.
class PostgresEngine final : public Engine {
 public:
  explicit PostgresEngine(Host& host);
  std::string_view name() const noexcept override { return postgres_engine; }
  Task<> serve(net::Stream client, Arrival arrival, Counted counted) override;

 private:
  Task<> go_on(std::shared_ptr<SleepingSession> woken);

  Host& host_;
  Dormitory dormitory_;
};

}  // namespace dbgate::session
