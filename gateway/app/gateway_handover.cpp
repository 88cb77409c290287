#include <unistd.h>

#include "gateway/adapters/file_audit.h"
#include "gateway/app/gateway.h"
#include "gateway/app/service_manager.h"
#include "gateway/base/log.h"

// The process hands over to another one that runs the program as it is now (decision 41): the new one gets the sockets
// that listen, the old one keeps its clients until they go by themselves.
namespace dbgate::app {

void Gateway::open_succession() {
  Succession::Ties ties;
  ties.serves = [this] { leave(); };
  ties.stays = [](const std::string& why) {
    log::error("handover", "the other process does not serve; this one goes on", {{"err", why}});
  };
  ties.followers = [this] {
    if (!following_ && !left_) start_followers();
  };
  // Where the gateways on a store divide what there is, these processes are two of them.
  ties.place = [this](std::size_t place, std::size_t count) {
    if (!joined_) shared_.permits.divide(place, count);
  };
  ties.cancel = [this](std::int32_t pid, std::string key) -> Task<> {
    const auto point = shared_.cancels.find(pid, key);
    if (point) co_await net::run_on(point->executor(), [point] { return point->request(); });
  };
  ties.reload = [this] {
    succession_->pass_on_reload();
    reload();
  };
  ties.drain = [this] {
    succession_->pass_on_drain();
    if (!draining_) drain();
  };
  succession_ = std::make_unique<Succession>(context_.get_executor(), inheritance_, std::move(ties));
  if (!succession_->has_older()) return;
  shared_.succession = succession_.get();
  shared_.permits.divide(0, inheritance_.succession().older + 1);
}

Result<> Gateway::open_audit(const config::Config& config) {
  adapters::FileAuditOptions options;
  options.directory = config.state_dir + "/audit";
  options.segment_bytes = config.audit.segment_bytes;
  options.segment_max_age = config.audit.segment_max_age;
  options.sync = config.audit.durability == config::Durability::sync;
  options.shares = succession_->has_older();
  if (options.shares) {
    audit_lock_ = std::make_shared<const adapters::File>(inheritance_.take_lock());
    const unsigned generation = succession_->generation();
    if (generation > 0) options.chain_suffix = "." + std::to_string(generation);
  } else {
    DBGATE_TRY(audit_lock_, adapters::lock_file_audit(options));
  }
  options.lock = audit_lock_;
  DBGATE_TRY(audit_, adapters::open_file_audit(options));
  return boost::system::in_place_value;
}

// Of several processes one signs and indexes what all of them write.
void Gateway::start_followers() {
  following_ = true;
  notary_->start();
  if (witnesses_) witnesses_->start();
  if (sinks_) sinks_->start();
  keeper_->start();
  if (searches_) searches_->start_following();
}

Inheritance::Sockets Gateway::sockets() {
  Inheritance::Sockets all;
  for (const auto& [name, listener] : listeners_)
    all[name] = listener->descriptor();
  if (api_) all["https"] = api_->descriptor();
  if (ops_) all["ops"] = ops_->descriptor();
  return all;
}

void Gateway::hand_over() {
  const auto refuse = [](const std::string& why) { log::error("handover", "nothing is handed over", {{"err", why}}); };
  if (draining_ || left_) return refuse("this process takes no connections any more");
  if (shared_.replicas && !joined_) {
    const auto joined = shared_.replicas->join();
    const auto started = joined ? start_replicas() : joined;
    if (!started) return refuse(started.error().message());
  }
  const auto begun = succession_->start_next(audit_lock_->get(), sockets());
  if (!begun) refuse(begun.error().message());
}

// Clients stay as long as they like, within reason; nobody new comes.
void Gateway::leave() {
  log::info(
      "handover", "another process serves; this one goes on with the clients that it has",
      {{"pid", std::to_string(succession_->next_pid())}, {"connections", std::to_string(shared_.connections.load())}});
  tell_service_manager("MAINPID=" + std::to_string(succession_->next_pid()));
  left_ = true;
  stop_listening();
  operators_->leave();
  if (ops_) ops_->leave();
  if (following_) {
    keeper_->stop();
    notary_->finish();
    if (witnesses_) witnesses_->finish();
    if (sinks_) sinks_->leave();
    if (searches_) searches_->stop_following();
  }
  following_ = false;
  succession_->leave_followers();
  wait_for_clients(shared_.current.get()->config.drain.handover_timeout, &Gateway::drain);
}

}  // namespace dbgate::app
