#include <algorithm>
#include <fstream>

#include "gateway/adapters/posix_file.h"
#include "gateway/app/gateway.h"
#include "gateway/app/notary.h"
#include "gateway/base/log.h"
#include "gateway/proof/cosignature.h"

// The process among the other gateways on its store.
namespace dbgate::app {
namespace {

// Whoever ran here before has died, or has said that it is gone: the others need not find out, and what its sessions
// waited for nobody waits for.
Result<> replace_last(Replicas& replicas, const std::string& path, bool gone) {
  std::string last;
  std::ifstream(path) >> last;
  if (gone) DBGATE_CHECK(replicas.replace(last));
  std::ofstream file(path, std::ios::trunc);
  file << replicas.id() << std::endl;
  // Then the others notice by themselves.
  if (!file) log::warn("replicas", "the name of this gateway among others cannot be kept", {{"file", path}});
  return boost::system::in_place_value;
}

}  // namespace

// A store that is this machine's alone is shared while one process hands over to the next.
Result<> Gateway::join_replicas() {
  if (!shared_.identity) return boost::system::in_place_value;
  shared_.replicas = std::make_unique<Replicas>(shared_.identity->store().replicas(), shared_.identity->blocking());
  shared_.cancels.be(shared_.replicas->id());
  if (!file_->store.shared() && !succession_->has_older()) return boost::system::in_place_value;
  DBGATE_CHECK(replace_last(*shared_.replicas, file_->state_dir + "/replica", !succession_->has_older()));
  DBGATE_CHECK(shared_.replicas->join());
  const auto [place, count] = shared_.replicas->place();
  shared_.permits.divide(place, count);
  return boost::system::in_place_value;
}

// What stands for people and rows has to be the same at every gateway: salts of unknown names, masked values, cursors.
Result<> Gateway::share_secret() {
  if (!file_->store.shared()) return boost::system::in_place_value;
  DBGATE_TRY(shared_.mock_secret, shared_.identity->store().replicas().secret("gateway", shared_.mock_secret));
  return boost::system::in_place_value;
}

Result<> Gateway::start_replicas() {
  DBGATE_TRY(auto chain, audit_->open_chain("replicas", ports::Pace::rare));
  DBGATE_TRY(auto checkpoints, peer_checkpoints());
  peers_ = std::make_unique<Peers>(shared_, std::move(chain), std::move(checkpoints));
  Replicas::Ties ties;
  ties.usage = [this] { return usage_here(); };
  ties.heard = [this](const ReplicaUsage& elsewhere) { count_elsewhere(elsewhere); };
  ties.divided = [this](std::size_t place, std::size_t count) { shared_.permits.divide(place, count); };
  ties.answer = [this](ReplicaQuestion question) { return answer_peer(std::move(question)); };
  ties.home = context_.get_executor();
  shared_.replicas->start(std::move(ties));
  joined_ = true;
  return boost::system::in_place_value;
}

// Gateways are witnesses of each other's logs. For auditors the key says whose cosignature it is.
Result<std::unique_ptr<PeerCheckpoints>> Gateway::peer_checkpoints() {
  DBGATE_TRY(proof::Key key, load_signing_key(*file_));
  DBGATE_TRY(const auto id, adapters::read_small_file(file_->state_dir + "/audit/log-id"));
  std::string name = "dbgate/" + id.value_or("");
  name.erase(std::min(name.find('\n'), name.size()));
  DBGATE_CHECK(adapters::replace_file(file_->state_dir + "/audit-witness.vkey", proof::cosigner_key(key, name) + "\n"));
  return PeerCheckpoints::open(file_->state_dir + "/peer-checkpoints.json", std::move(key), std::move(name));
}

Task<std::string> Gateway::answer_peer(ReplicaQuestion question) {
  std::string text;
  if (question.what != ReplicaQuestion::What::query) {
    text = co_await peers_->answer(std::move(question));
  } else if (api_) {
    co_await net::run_on(api_->executor(), [&]() -> Task<> {
      const auto found = co_await api_->answer(question.query);
      text = to_json(found);
      co_return;
    });
  }
  co_return text;
}

ReplicaUsage Gateway::usage_here() {
  const auto snapshot = shared_.current.get();
  ReplicaUsage usage;
  std::vector<std::string> limited;
  for (const auto& [name, target] : snapshot->targets) {
    if (target.settings.engine == config::EngineKind::tcp && target.settings.pool.max > 0) limited.push_back(name);
  }
  shared_.admission.add_to(usage, snapshot->config.limits.connections_per_user > 0, limited);
  shared_.usage.add_to(usage);
  usage.failures = shared_.throttle.counts();
  if (api_) usage.requests = api_->rates().used(api::RateLimiter::Clock::now());
  return usage;
}

void Gateway::count_elsewhere(const ReplicaUsage& elsewhere) {
  shared_.admission.count_elsewhere(elsewhere.users, elsewhere.targets);
  shared_.usage.count_elsewhere(elsewhere.running, elsewhere.taken);
  shared_.throttle.count_elsewhere(elsewhere.failures);
  if (api_) api_->rates().count_elsewhere(elsewhere.requests);
}

}  // namespace dbgate::app
