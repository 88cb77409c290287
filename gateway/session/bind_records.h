#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/audit/sha256.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::session {

/// What the audit log keeps of the values that Bind gives to parameters.
enum class ParameterRecord : std::uint8_t { values, hashes, none };

/// The parameters of each portal as one JSON value, for the records of what executes it. The frontend's messages come
/// in order, so what Bind said last of a portal is what Execute means.
///
/// A JSON array: null, a string (text format), {"hex": …} (binary format), or {"sha256": …, "bytes": n} for long values
/// and where hashes are asked for. Of a Bind too long to be looked at as a whole: one {"sha256": …, "bytes": n} over
/// everything behind its names.
class BindRecords {
 public:
  /// Bind messages up to this size are looked at as a whole.
  static constexpr std::size_t most_bytes = 64 * 1024;

  explicit BindRecords(ParameterRecord how) : how_(how) {}

  bool wanted() const noexcept { return how_ != ParameterRecord::none; }
  /// A whole Bind message. @param body of it
  void take(std::string_view portal, protocol::Bytes body);
  /// A long one: what has come of it behind its names, and how much there is in all.
  void begin(std::string_view portal, protocol::Bytes values, std::size_t bytes);
  bool streaming() const noexcept { return hash_ != nullptr; }
  /// @param rest what has yet to come behind this part
  void more(protocol::Bytes part, std::size_t rest);

  /// Empty: nothing was bound. Valid until the next Bind.
  std::string_view of(std::string_view portal) const;
  /// No portal lives on but the unnamed one, which is bound anew before it is executed.
  void forget_named() { named_.clear(); }

 private:
  std::string& place(std::string_view portal);

  ParameterRecord how_;
  std::string unnamed_;
  std::map<std::string, std::string, std::less<>> named_;
  std::unique_ptr<audit::Sha256> hash_;
  std::string* target_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace dbgate::session
