#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "gateway/net/stream.h"
#include "gateway/ports/events.h"
#include "gateway/ports/query_service.h"

namespace dbgate::queries {

/// What was decided about the statement of one session, as the audit log has it. Written on the session's thread, read
/// on the API's.
class DecisionNote {
 public:
  struct Noted {
    ports::DecisionSummary decision;
    std::string audit_id;
  };
  void set(Noted noted) {
    const std::lock_guard lock(mutex_);
    noted_ = std::move(noted);
  }
  std::optional<Noted> get() const {
    const std::lock_guard lock(mutex_);
    return noted_;
  }

  /// An approval that was asked for.
  struct Asked {
    std::string approval;
    bool waits = false;  ///< the statement does; else it is refused until then
  };
  void ask(Asked asked) {
    const std::lock_guard lock(mutex_);
    asked_ = std::move(asked);
  }
  std::optional<Asked> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Noted> noted_;
  std::optional<Asked> asked_;
};

/// What can be said of a text before it is sent; policy is not asked.
struct TextFacts {
  std::size_t statements = 0;  ///< 0 also for a text that nobody can read: the session will say why
  bool readable = false;
  bool reads_only = false;  ///< nothing but SELECT, VALUES, SHOW and EXPLAIN, as far as the text shows
  std::string unsupported;  ///< a command that has no place here; empty: there is none
};

/// What is allowed to queries, by the configuration in force.
struct QueryLimits {
  std::size_t default_rows = 1'000;
  std::size_t most_rows = 10'000;       ///< of a result that is kept or streamed
  std::size_t result_bytes = 8u << 20;  ///< of one kept query
  std::size_t user_bytes = 32u << 20;   ///< of all kept queries of a user, with their texts
  std::size_t export_rows = 1'000'000;
  std::size_t export_bytes = 1u << 30;  ///< as they are sent
  std::chrono::milliseconds timeout{300'000};
};

/// A record of the audit log: what left as a file.
struct ExportRecord {
  std::string user;
  std::string address;
  std::string target;
  std::string query_id;
  std::string audit_id;
  std::string format;
  std::string outcome;  ///< started, ok, error, aborted
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

/// What queries need of the gateway around them. Used from the API's thread; nothing blocks it.
class Entrance {
 public:
  virtual ~Entrance() = default;
  /// A connection into the gateway, as of a client that has signed in as the request's user and reaches its target
  /// alone. Errors: 3D000, 0A000.
  virtual Result<net::Stream> enter(const net::Executor& executor, const ports::QueryRequest& request,
                                    std::shared_ptr<DecisionNote> note) = 0;
  /// One for a CancelRequest. Errors: 08006.
  virtual Result<net::Stream> enter_to_cancel(const net::Executor& executor) = 0;
  /// Reads a text, away from the event loop.
  virtual Task<TextFacts> look_at(const std::string& sql) = 0;
  /// What the request comes to for its user by the rules and the catalog in force, as a digest: two that are equal show
  /// the same. Empty: the user may not run it, or not without what cannot be told now.
  virtual Task<std::string> standing(const ports::QueryRequest& request) = 0;
  /// What the catalog calls a type; empty if that is not known.
  virtual std::string type_name(const std::string& target, std::uint32_t oid) const = 0;
  virtual QueryLimits limits() const = 0;
  /// Errors: 58030, the log cannot take it.
  virtual Result<> record(const ExportRecord& exported) = 0;
  /// Tells those who watch. Never blocks.
  virtual void tell(ports::Event event) = 0;
  virtual Task<Result<ports::SchemaSummary>> schema(std::string user, std::string target) = 0;
};

}  // namespace dbgate::queries
