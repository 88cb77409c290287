#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "gateway/ports/http_client.h"
#include "gateway/proof/note.h"

namespace dbgate::app {

/// The checkpoints of other gateways' audit logs, as one of their witnesses has them: what tlog-witness answers
/// (c2sp.org/tlog-witness), over the store instead of HTTP. Any thread; blocks for the disk.
class PeerCheckpoints {
 public:
  struct Answer {
    ports::HttpResponse response;  ///< status and body
    std::string origin;            ///< of a log that does not lead to what was seen of it: once for each
    std::string why;
  };

  /// @param path  where they are kept; @param key, name  cosigns them. Errors: 58030, XX001 what is kept cannot be
  /// read.
  static Result<std::unique_ptr<PeerCheckpoints>> open(std::string path, proof::Key key, std::string name);

  /// @param body  of add-checkpoint; @param key  the public half, in PEM, of who signs the log: of one that is not
  /// known yet it is kept, and has to stay the same.
  Answer add(std::string_view body, const std::string& key);

 private:
  struct Seen {
    std::uint64_t size = 0;
    proof::TreeHash root{};
    std::string key;
    bool conflict = false;  // it was said
  };
  PeerCheckpoints(std::string path, proof::Key key, std::string name)
      : path_(std::move(path)), key_(std::move(key)), name_(std::move(name)) {}
  Result<> load();
  Result<> keep() const;
  static Answer conflict(const std::string& origin, Seen& seen, unsigned status, std::string why);

  const std::string path_;
  const proof::Key key_;
  const std::string name_;
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // by origin
};

}  // namespace dbgate::app
