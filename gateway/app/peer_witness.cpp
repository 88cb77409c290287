#include "gateway/app/peer_witness.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <map>

#include "gateway/adapters/http_witness.h"

namespace dbgate::app {
namespace {

using ports::Witnessing;
using std::chrono::milliseconds;

constexpr milliseconds answer_limit{5'000};
constexpr milliseconds look_each{50};

/// Asks one gateway, by mail through the store.
class Mail final : public ports::HttpClient {
 public:
  Mail(Replicas& replicas, std::string whom, std::string key)
      : replicas_(replicas), whom_(std::move(whom)), key_(std::move(key)) {}

  Result<ports::HttpResponse> send(const ports::HttpRequest& request) override {
    ReplicaQuestion question;
    question.what = ReplicaQuestion::What::witness;
    question.text = request.body;
    question.key = key_;
    std::vector<std::string> answers;
    auto own = std::make_unique<boost::asio::io_context>(1);
    boost::asio::co_spawn(
        *own, replicas_.ask({whom_}, std::move(question), answer_limit),
        [&answers](const std::exception_ptr&, std::vector<std::string> came) { answers = std::move(came); });
    while (!own->stopped() && !request.stop.stop_requested())
      own->run_for(look_each);
    // The process is ending, and others may still hold what lives there.
    if (!own->stopped()) static_cast<void>(own.release());
    auto response = answers.empty() ? std::nullopt : response_from_json(answers.front());
    if (!response) return Error(sqlstate::connection_failure, "gateway " + whom_ + " does not answer");
    return std::move(*response);
  }

 private:
  Replicas& replicas_;
  const std::string whom_;
  const std::string key_;
};

class PeerWitness final : public ports::CheckpointWitness {
 public:
  PeerWitness(Replicas& replicas, std::string directory, std::string key)
      : replicas_(replicas), directory_(std::move(directory)), key_(std::move(key)) {}

  // One that has it is enough; one that objects is as well.
  Witnessing give(const std::string& chain, const std::string& note, const std::stop_token& stop) override {
    Witnessing all{Witnessing::Outcome::failed, "no other gateway is there", {}};
    if (!replicas_.reachable())
      return {Witnessing::Outcome::failed, "the store is lost, or this gateway has left it", {}};
    const std::vector<std::string> others = replicas_.others();
    std::erase_if(peers_, [&others](const auto& peer) {
      return std::find(others.begin(), others.end(), peer.first) == others.end();
    });
    for (const std::string& id : others) {
      auto& peer = peers_[id];
      if (!peer) {
        peer = adapters::make_http_witness({}, directory_, std::make_unique<Mail>(replicas_, id, key_));
      }
      Witnessing answer = peer->give(chain, note, stop);
      if (answer.outcome == Witnessing::Outcome::conflict) return answer;
      if (all.outcome != Witnessing::Outcome::taken) all = std::move(answer);
    }
    return all;
  }

 private:
  Replicas& replicas_;
  const std::string directory_;
  const std::string key_;
  std::map<std::string, std::unique_ptr<ports::CheckpointWitness>> peers_;  // by id
};

}  // namespace

std::unique_ptr<ports::CheckpointWitness> make_peer_witness(Replicas& replicas, std::string directory,
                                                            std::string key) {
  return std::make_unique<PeerWitness>(replicas, std::move(directory), std::move(key));
}

}  // namespace dbgate::app
