#include "gateway/app/peer_checkpoints.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "gateway/adapters/posix_file.h"
#include "gateway/auth/digests.h"
#include "gateway/base/clock.h"
#include "gateway/proof/cosignature.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;

// Of a gateway with more chains than anybody has processors, and of those before it.
constexpr std::size_t most_logs = 4096;

std::string base64_of(const proof::TreeHash& hash) {
  return auth::base64_encode({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace

Result<std::unique_ptr<PeerCheckpoints>> PeerCheckpoints::open(std::string path, proof::Key key, std::string name) {
  std::unique_ptr<PeerCheckpoints> made(new PeerCheckpoints(std::move(path), std::move(key), std::move(name)));
  DBGATE_CHECK(made->load());
  return made;
}

Result<> PeerCheckpoints::load() {
  if (::access(path_.c_str(), F_OK) != 0) return boost::system::in_place_value;
  std::ifstream file(path_, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Error(sqlstate::io_error, "cannot read " + path_);
  boost::system::error_code failed;
  const json::value parsed = json::parse(text.str(), failed);
  const Error damaged(sqlstate::data_corrupted, path_ + " is no list of checkpoints", "move it away: it begins anew");
  if (failed || !parsed.is_object()) return damaged;
  for (const auto& [origin, entry] : parsed.get_object()) {
    const json::object* const one = entry.if_object();
    const json::value* const size = one == nullptr ? nullptr : one->if_contains("size");
    const json::value* const root = one == nullptr ? nullptr : one->if_contains("root");
    const json::value* const key = one == nullptr ? nullptr : one->if_contains("key");
    if (size == nullptr || !size->is_number() || root == nullptr || !root->is_string() || key == nullptr ||
        !key->is_string())
      return damaged;
    Seen& seen = seen_[std::string(origin)];
    seen.size = size->to_number<std::uint64_t>();
    seen.key = std::string(key->get_string());
    const std::string hash = auth::base64_decode(std::string(root->get_string()));
    if (hash.size() != seen.root.size()) return damaged;
    std::copy(hash.begin(), hash.end(), seen.root.begin());
  }
  return boost::system::in_place_value;
}

Result<> PeerCheckpoints::keep() const {
  json::object all;
  for (const auto& [origin, seen] : seen_)
    all[origin] = json::object{{"size", seen.size}, {"root", base64_of(seen.root)}, {"key", seen.key}};
  return adapters::replace_file(path_, json::serialize(all) + "\n");
}

PeerCheckpoints::Answer PeerCheckpoints::conflict(const std::string& origin, Seen& seen, unsigned status,
                                                  std::string why) {
  Answer answer{{status, status == 409 ? std::to_string(seen.size) + "\n" : std::string()}, {}, {}};
  if (std::exchange(seen.conflict, true)) return answer;
  answer.origin = origin;
  answer.why = std::move(why);
  return answer;
}

PeerCheckpoints::Answer PeerCheckpoints::add(std::string_view body, const std::string& key) {
  const auto asked = proof::read_add_checkpoint(body);
  const auto signer = proof::Key::read(key);
  if (!asked || !signer) return {{400, {}}, {}, {}};
  const proof::Checkpoint& checkpoint = asked->note.checkpoint;
  if (!proof::is_signed_by(asked->note, *signer)) return {{403, {}}, {}, {}};
  if (asked->old_size > checkpoint.size) return {{400, {}}, {}, {}};
  const std::lock_guard lock(mutex_);
  if (seen_.size() >= most_logs && !seen_.contains(checkpoint.origin)) return {{507, {}}, {}, {}};
  Seen& seen = seen_[checkpoint.origin];
  if (!seen.key.empty() && seen.key != key) return {{403, {}}, {}, {}};
  const std::string before = "it was " + std::to_string(seen.size) + " records long, and is " +
                             std::to_string(checkpoint.size) + " records long now";
  if (checkpoint.size < seen.size) return conflict(checkpoint.origin, seen, 409, before);
  if (checkpoint.size == seen.size && seen.size > 0 && checkpoint.root != seen.root)
    return conflict(checkpoint.origin, seen, 409, "its records are not those that were seen");
  if (asked->old_size != seen.size) return {{409, std::to_string(seen.size) + "\n"}, {}, {}};
  const bool proved =
      seen.size == 0 ? asked->proof.empty()
                     : proof::proves_consistency(seen.size, seen.root, checkpoint.size, checkpoint.root, asked->proof);
  if (!proved) return conflict(checkpoint.origin, seen, 422, "its records are not those that were seen");
  const Seen last = std::exchange(seen, {checkpoint.size, checkpoint.root, key, seen.conflict});
  if (!keep()) {
    seen = last;
    return {{500, {}}, {}, {}};
  }
  const auto now = static_cast<std::uint64_t>(wall_clock_us() / 1'000'000);
  return {{200, proof::line_of(proof::cosign(asked->note, key_, name_, now))}, {}, {}};
}

}  // namespace dbgate::app
