#include "gateway/upstream/end_process.h"

#include "gateway/upstream/own_query.h"

namespace dbgate::upstream {

Task<bool> end_process(net::Executor executor, const ServerSpec& spec, ServerSpec::Host host, std::int32_t pid) {
  const StartupParameters parameters{{"application_name", "dbgate stop"}, {"client_encoding", "UTF8"}};
  auto connected = co_await connect_one(executor, spec, host, parameters);
  if (!connected) co_return false;
  const net::Deadline deadline(connected->stream, spec.connect_timeout);
  const std::string question = "SELECT pg_catalog.pg_terminate_backend(" + std::to_string(pid) + ")";
  const auto answer = co_await ask(*connected, question, 1);
  co_return answer && answer->front() == "t";
}

}  // namespace dbgate::upstream
