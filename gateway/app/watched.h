#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/worker.h"
#include "gateway/session/audit_trail.h"

// What the audit log is told, as events for those who watch: ids and names, never statements.
namespace dbgate::app {

/// Tells of a sign-in on the wire. Nothing without watchers' side, an API.
void tell_sign_in(ports::EventSink* events, const session::SessionInfo& session, bool succeeded);

/// A chain for what is rare. Tells of sign-ins and changes once they are recorded.
class WatchedChain final : public ports::AuditChain {
 public:
  /// @param shared  whose `events` may be set later
  WatchedChain(std::unique_ptr<ports::AuditChain> chain, const Shared& shared)
      : chain_(std::move(chain)), shared_(shared) {}

  Result<> append(std::string_view event, std::string_view fields) override;
  Result<std::string> store_text(std::string_view text) override { return chain_->store_text(text); }
  Result<Ticket> commit() override;
  Result<> write_out() override;
  bool is_durable(Ticket ticket) const override { return chain_->is_durable(ticket); }
  void when_durable(Ticket ticket, std::function<void()> done) override {
    chain_->when_durable(ticket, std::move(done));
  }
  bool sync_required() const override { return chain_->sync_required(); }

 private:
  void tell();

  std::unique_ptr<ports::AuditChain> chain_;
  const Shared& shared_;
  std::vector<ports::Event> waiting_;  // for their commit
};

/// The records of one session. Tells of its start, its end and what it was denied.
class WatchedTrail final : public session::Trail {
 public:
  WatchedTrail(session::AuditTrail trail, ports::EventSink& events, const session::SessionInfo& session);

  void tell_start(const session::SessionInfo& session);
  Result<Id> decided(const session::Judged& judged, std::string_view text, std::string_view protocol,
                     std::string_view name) override;
  void done(const session::Run& run, std::string_view sqlstate) override { trail_.done(run, sqlstate); }
  std::optional<audit::RecordName> last_record() const override { return trail_.last_record(); }
  std::uint64_t decisions() const noexcept override { return trail_.decisions(); }
  void moved(const session::SessionInfo& session) override { trail_.moved(session); }
  void ended(std::string_view reason, std::uint64_t bytes_from_client, std::uint64_t bytes_to_client) override;

 private:
  std::string common() const;

  session::AuditTrail trail_;
  ports::EventSink& events_;
  const std::string id_;
  const std::string user_;
  const std::string target_;
};

}  // namespace dbgate::app
