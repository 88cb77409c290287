#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/policy/footprint.h"
#include "gateway/session/outgoing.h"
#include "gateway/session/read_cache.h"
#include "gateway/session/tracked_settings.h"

namespace dbgate::session {

/// What a relay minds besides, where results of reads may be kept (docs/read-cache.md): finds and records results for
/// its session, and tells the ledger what the session writes.
class ReadSide {
 public:
  using Clock = ReadCache::Clock;

  /// @param cache   of this thread; must outlive this
  /// @param whose   what is the same for all results of the session and tells them from those of others: its principal,
  ///                and what its server connection was made with
  ReadSide(ReadCache& cache, std::shared_ptr<WriteLedger> ledger, std::string whose);
  ~ReadSide();
  ReadSide(const ReadSide&) = delete;
  ReadSide& operator=(const ReadSide&) = delete;

  /// Begins a key; valid until the next call, for more to be added.
  std::string& begin_key();
  /// Adds a part such that no two lists of parts make the same key.
  static void add_to_key(std::string& key, std::string_view part);

  /// Null: the server has to be asked. Its result will be recorded if record() is called for the same statement, which
  /// must be the next one that is forwarded.
  /// @param text  as the server would be given it, with these `values`: both are in the key
  KeptResultPtr find(const std::string& key, const policy::Footprint& footprint, std::string_view text,
                     std::string_view values);
  /// Keeps the result until what is to be sent of it was sent.
  void lend(KeptResultPtr result, bool first);
  void give_back() { std::vector<KeptResultPtr>().swap(lent_); }

  /// A statement is about to be forwarded.
  void note(const policy::Footprint& footprint);
  /// What cannot be seen through is about to be forwarded.
  void note_anything();
  /// Whether the session is still one whose results are told apart by its key.
  bool open() const noexcept { return !bound_ && !settings_.too_many(); }
  /// Where nobody else follows them.
  TrackedSettings& settings() noexcept { return settings_; }
  const TrackedSettings& settings() const noexcept { return settings_; }
  bool failed = false;  ///< an error since the last ReadyForQuery

  /// The statement that find() has not found was forwarded, and nothing else is under way.
  void record();
  void forget() noexcept { proposed_ = nullptr; }
  bool recording() const noexcept { return recording_ != nullptr; }
  /// Replies come: what is in `to_client` by now is not of the statement.
  void begin_replies(const Outgoing& to_client);
  /// All that has come since is of it.
  void take_replies(const Outgoing& to_client);
  /// … and that was all: its CommandComplete.
  void complete(const Outgoing& to_client, std::string_view tag, std::uint64_t rows, std::uint64_t bytes);
  void drop() noexcept { recording_ = nullptr; }
  /// ReadyForQuery. @param over  nothing of the session is under way any more, in no transaction
  void ready(bool idle, bool over);

 private:
  struct Recording {
    std::string key;
    WriteLedger::Watch watch;
    Clock::time_point until;
    KeptResult result;
    bool complete = false;
  };
  void begin_write(const WriteLedger::Places& places);

  ReadCache& cache_;
  const std::shared_ptr<WriteLedger> ledger_;
  const std::string whose_;
  TrackedSettings settings_;
  bool bound_ = false;
  WriteLedger::Places writing_;  // by the transaction under way, or more than one
  std::unique_ptr<Recording> proposed_, recording_;
  std::size_t replies_from_ = 0;
  std::vector<KeptResultPtr> lent_;
};

}  // namespace dbgate::session
