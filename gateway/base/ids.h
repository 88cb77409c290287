#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dbgate {

/// An identifier such as "ses_01JD3K7V9Q…": a prefix, then 26 characters of Crockford's base 32 that hold 48 bits of
/// wall clock in milliseconds and 80 random bits. Sorts by time of making; not a secret.
std::string make_id(std::string_view prefix);

/// The 26 characters into a buffer with room for them. @return behind them
inline constexpr std::size_t id_suffix_bytes = 26;
char* write_id_suffix(char* out, std::int64_t wall_us) noexcept;

/// When an id was made, in microseconds since 1970 UTC, to the millisecond; 0 if the text is no id.
std::int64_t time_of_id(std::string_view id) noexcept;

/// The same as make_id(), held in place: what every statement gets one of. Empty by default.
class Id {
 public:
  static constexpr std::size_t most_bytes = 31;

  Id() = default;
  /// @param text  cut to `most_bytes`
  explicit Id(std::string_view text) noexcept;
  /// @param prefix  of at most 5 bytes
  static Id make(std::string_view prefix) noexcept;

  std::string_view view() const noexcept { return {text_.data(), size_}; }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: it is text
  bool empty() const noexcept { return size_ == 0; }
  void clear() noexcept { size_ = 0; }

 private:
  std::array<char, most_bytes> text_;
  std::uint8_t size_ = 0;
};

}  // namespace dbgate
