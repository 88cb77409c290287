#pragma once
#include <cstdint>
#include <string>

#include "protocol/postgres/repeated.h"

// What streaming replication carries inside CopyData (PostgreSQL docs ch. 55.4). decode() takes the data of one
// CopyData from its first byte, under the rules of frontend_messages.h; encode() appends that data, without a CopyData
// around it. Times are microseconds since 2000-01-01 00:00 UTC, positions are byte positions in the write-ahead log.
namespace dbgate::protocol {
namespace frontend {

/// Layout: Byte1 'r' · Int64 written up to · Int64 flushed up to · Int64 applied up to · Int64 time ·
///     Byte1 1 if a reply is wanted at once    (PostgreSQL docs ch. 55.4, "Standby status update")
/// Errors: bad_value, bad_length, trailing_bytes.
struct StandbyStatusUpdate {
  static constexpr char type = 'r';
  std::uint64_t written = 0;
  std::uint64_t flushed = 0;
  std::uint64_t applied = 0;
  std::int64_t sent_at = 0;
  bool reply_wanted = false;
  static Decoded<StandbyStatusUpdate> decode(Bytes payload);
  void encode(std::string& out) const;
};

/// Layout: Byte1 'h' · Int64 time · Int32 xmin · Int32 its epoch · Int32 catalog xmin of replication slots ·
///     Int32 its epoch    (PostgreSQL docs ch. 55.4, "Hot standby feedback message")
/// Errors: bad_value, bad_length, trailing_bytes.
struct HotStandbyFeedback {
  static constexpr char type = 'h';
  std::int64_t sent_at = 0;
  std::uint32_t xmin = 0;
  std::uint32_t xmin_epoch = 0;
  std::uint32_t catalog_xmin = 0;
  std::uint32_t catalog_xmin_epoch = 0;
  static Decoded<HotStandbyFeedback> decode(Bytes payload);
  void encode(std::string& out) const;
};

}  // namespace frontend

namespace backend {

/// Layout: Byte1 'w' · Int64 start of the data · Int64 end of the log on the server · Int64 time · Byten data
///     (PostgreSQL docs ch. 55.4, "XLogData")
/// Errors: bad_value, bad_length.
struct XLogData {
  static constexpr char type = 'w';
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::int64_t sent_at = 0;
  Bytes data;
  static Decoded<XLogData> decode(Bytes payload);
  void encode(std::string& out) const;
};

/// Layout: Byte1 'k' · Int64 end of the log on the server · Int64 time · Byte1 1 if a reply is wanted at once
///     (PostgreSQL docs ch. 55.4, "Primary keepalive message")
/// Errors: bad_value, bad_length, trailing_bytes.
struct PrimaryKeepalive {
  static constexpr char type = 'k';
  std::uint64_t end = 0;
  std::int64_t sent_at = 0;
  bool reply_wanted = false;
  static Decoded<PrimaryKeepalive> decode(Bytes payload);
  void encode(std::string& out) const;
};

}  // namespace backend
}  // namespace dbgate::protocol
