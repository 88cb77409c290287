#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/audit/chain.h"
#include "gateway/session/fifo.h"
#include "gateway/session/name_table.h"
#include "gateway/session/outgoing.h"

namespace dbgate::session {

/// What a client that has asked for it (dbgate.receipts) is told of the audit records of its statements: a
/// NoticeResponse for each, between what its Query or its stretch of extended queries is answered with and the
/// ReadyForQuery that ends it.
class Receipts {
 public:
  bool empty() const noexcept { return owed_.empty(); }
  /// A decision was recorded. @param segment  the stretch of messages that it is about
  void add(Segment segment, const audit::RecordName& record, std::string_view query_id);
  /// ReadyForQuery of `answered` is about to be said: says those of it, and of stretches before it.
  void tell(Segment answered, Outgoing& client);

 private:
  struct Owed {
    Segment segment = 0;
    std::uint64_t sequence = 0;
    std::string chain, id, hash, query_id;
  };
  static std::string notice(const Owed& owed);

  Fifo<Owed> owed_;
};

}  // namespace dbgate::session
