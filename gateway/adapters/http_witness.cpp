#include "gateway/adapters/http_witness.h"

#include <map>
#include <vector>

#include "gateway/proof/chain_tree.h"

namespace dbgate::adapters {
namespace {

using ports::Witnessing;
using Outcome = Witnessing::Outcome;

Witnessing failed(std::string why) {
  return {Outcome::failed, std::move(why), {}};
}

// Of answers that only somebody at the witness can do something about.
std::string reason_of(unsigned status) {
  switch (status) {
    case 403:
      return "it does not know the key that signs this log (403)";
    case 404:
      return "it does not know this log (404): tell it the origin and the key";
    default:
      return "it answered with status " + std::to_string(status);
  }
}

class HttpWitness final : public ports::CheckpointWitness {
 public:
  HttpWitness(HttpWitnessOptions options, std::string directory, std::unique_ptr<ports::HttpClient> http)
      : options_(std::move(options)), directory_(std::move(directory)), http_(std::move(http)) {}

  Witnessing give(const std::string& chain, const std::string& text, const std::stop_token& stop) override {
    const auto note = proof::read_note(text);
    if (!note) return failed(note.error().message());
    if (options_.plain) return post_plain(text, stop);
    Witnessing answer = ask(chain, *note, text, stop);
    // It has another one than last time, and has said which.
    if (answer.outcome == Outcome::failed && again_) answer = ask(chain, *note, text, stop);
    return answer;
  }

 private:
  ports::HttpRequest request(const std::string& url, std::string body, const std::stop_token& stop) const {
    ports::HttpRequest request;
    request.method = "POST";
    request.url = url;
    request.headers = {{"content-type", "text/plain; charset=utf-8"}};
    if (!options_.token.empty()) request.headers.emplace_back("authorization", "Bearer " + options_.token);
    request.body = std::move(body);
    request.ca_file = options_.ca_file;
    request.stop = stop;
    return request;
  }

  Witnessing post_plain(const std::string& text, const std::stop_token& stop) {
    const auto answer = http_->send(request(options_.url, text, stop));
    if (!answer) return failed(answer.error().message());
    if (answer->status / 100 != 2) return failed("it answered with status " + std::to_string(answer->status));
    return {Outcome::taken};
  }

  Witnessing ask(const std::string& chain, const proof::Note& note, const std::string& text,
                 const std::stop_token& stop) {
    again_ = false;
    std::uint64_t& seen = seen_[note.checkpoint.origin];
    const std::uint64_t size = note.checkpoint.size;
    std::vector<proof::TreeHash> path;
    if (seen > 0 && seen < size) {
      const auto tree = proof::RecordedTree::open(directory_, chain);
      if (!tree) return failed(tree.error().message());
      auto proof = tree->consistency(seen, size);
      if (!proof) return failed(proof.error().message());
      path = std::move(*proof);
    }
    const std::string url = options_.url + (options_.url.ends_with('/') ? "" : "/") + "add-checkpoint";
    const auto answer = http_->send(request(url, proof::add_checkpoint_body(seen, path, text), stop));
    if (!answer) return failed(answer.error().message());
    switch (answer->status) {
      case 200:
        seen = size;
        return cosigned(note, text, answer->body);
      case 409:
        return other_size(chain, seen, size, answer->body);
      case 422:
        return conflict("the " + std::to_string(seen) + " records of chain " + chain +
                        " that it has seen are not those that the log has now");
      default:
        return failed(reason_of(answer->status));
    }
  }

  static Witnessing conflict(std::string why) { return {Outcome::conflict, std::move(why), {}}; }

  Witnessing other_size(const std::string& chain, std::uint64_t& seen, std::uint64_t size, std::string_view body) {
    const auto has = proof::read_witnessed_size(body);
    if (!has) return failed(has.error().message());
    if (*has > size)
      return conflict("it has seen " + std::to_string(*has) + " records of chain " + chain + ", the log has " +
                      std::to_string(size));
    // It has as many as it was asked about: its tree is another one.
    if (*has == seen && seen == size)
      return conflict("the " + std::to_string(size) + " records of chain " + chain +
                      " that it has seen are not those that the log has now");
    again_ = *has != seen;
    seen = *has;
    return failed("it goes on from " + std::to_string(*has) + " records of chain " + chain);
  }

  // What is not its own signature is nobody's business.
  Witnessing cosigned(const proof::Note& note, const std::string& text, std::string_view body) const {
    const auto signatures = proof::read_cosignatures(body);
    if (!signatures) return failed(signatures.error().message());
    Witnessing taken{Outcome::taken, {}, text};
    bool own = false;
    for (const proof::Signature& signature : *signatures) {
      if (options_.key && !options_.key->has_cosigned(note, signature)) continue;
      taken.cosigned += proof::line_of(signature);
      own = true;
    }
    return own ? taken : failed("its answer is not signed with the key of " + options_.key->name());
  }

  const HttpWitnessOptions options_;
  const std::string directory_;
  const std::unique_ptr<ports::HttpClient> http_;
  std::map<std::string, std::uint64_t> seen_;  // records, by origin; it says so itself where that is not right
  bool again_ = false;
};

}  // namespace

std::unique_ptr<ports::CheckpointWitness> make_http_witness(HttpWitnessOptions options, std::string directory,
                                                            std::unique_ptr<ports::HttpClient> http) {
  return std::make_unique<HttpWitness>(std::move(options), std::move(directory), std::move(http));
}

}  // namespace dbgate::adapters
