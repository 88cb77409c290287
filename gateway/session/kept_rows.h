#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/postgres/bytes.h"

namespace dbgate::session {

/// The first rows that a statement has shown, for its audit record: what the client got, after masks and filters.
///
/// A JSON array of rows, each an array: null, a string, or {"hex": …} for what is no text, as values in binary format
/// mostly are. A line of COPY is a row of one value. Rows are whole: the first that does not fit ends them.
class KeptRows {
 public:
  /// @param rows, bytes  at most so many, in JSON
  KeptRows(std::size_t rows, std::size_t bytes) : rows_left_(rows), most_bytes_(bytes) {}

  /// Whether a message of so many bytes may be one that fits.
  bool wants(std::size_t body_bytes) const noexcept {
    return rows_left_ > 0 && json_.size() + body_bytes <= most_bytes_;
  }
  /// @param body  of a whole DataRow
  void add_row(protocol::Bytes body);
  /// @param body  of a whole CopyData
  void add_line(protocol::Bytes body);
  /// There was another row.
  void cut() noexcept;

  /// Empty: no row was shown.
  std::string json() const { return json_.empty() ? json_ : json_ + ']'; }
  /// There were more.
  bool is_cut() const noexcept { return cut_; }

 private:
  void add(const std::string& row);

  std::size_t rows_left_;
  std::size_t most_bytes_;
  std::string json_;  // without its end
  bool cut_ = false;
};

}  // namespace dbgate::session
