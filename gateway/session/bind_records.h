#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/audit/sha256.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::session {

/// What the audit log keeps of the values that Bind gives to parameters.
enum class ParameterRecord : std::uint8_t { values, hashes, none };

/// The parameters of a Bind as one JSON value, for the records of what executes its portal. Whether that Bind is the
/// one that made the portal is the server's to say: what was made of it stands with the portal's name
/// (NameTable::Note).
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
  void take(protocol::Bytes body);
  /// A long one: what has come of it behind its names, and how much there is in all.
  void begin(protocol::Bytes values, std::size_t bytes);
  bool streaming() const noexcept { return hash_ != nullptr; }
  /// @param rest what has yet to come behind this part
  void more(protocol::Bytes part, std::size_t rest);

  /// Of the Bind that has come last; a long one's is written when all of it is there. Null: nothing was bound.
  std::shared_ptr<const std::string> latest() const noexcept { return latest_; }

 private:
  ParameterRecord how_;
  std::shared_ptr<std::string> latest_;
  std::unique_ptr<audit::Sha256> hash_;
  std::size_t bytes_ = 0;
};

/// What a record says of it.
inline std::string_view parameters_in(const std::shared_ptr<const std::string>& taken) noexcept {
  return taken ? std::string_view(*taken) : std::string_view();
}

}  // namespace dbgate::session
