#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dbgate::search {

/// The members of one line of the log, in their order. Allocates nothing and believes nothing: a line that somebody has
/// altered ends early.
class Members {
 public:
  /// @param at  behind a member, if not all of them are wanted
  explicit Members(std::string_view line, std::size_t at = 0) : line_(line), at_(at) {}
  /// @return false at the end, or where the line is no flat JSON object
  bool next() noexcept;
  std::string_view key() const noexcept { return key_; }
  /// As it stands there: a string without its quotes, but still escaped; a list with its brackets.
  std::string_view value() const noexcept { return value_; }
  /// Behind the last member.
  std::size_t position() const noexcept { return at_; }

 private:
  bool skip_value() noexcept;

  std::string_view line_;
  std::size_t at_ = 0;
  std::string_view key_;
  std::string_view value_;
};

/// What searching needs of one line. Texts as Members has them; empty: not there.
struct Record {
  std::string_view line;
  std::uint64_t sequence = 0;
  std::string_view chain, id, time, event;
  std::string_view session, user, target, address;
  std::string_view query, operation, text, objects, effect, rule;
  std::string_view outcome, sqlstate;
  /// Of a RecordReader: records with the same one have the same event, session, user, target and address. 0: not known.
  std::uint64_t origin = 0;

  /// Microseconds since 1970 UTC.
  std::int64_t time_us() const noexcept;
};

/// @param line  without its newline. @return false if it is no record of the log
bool read_record(std::string_view line, Record& record) noexcept;

/// The same for many records: a session's repeat who and where, which is compared instead of read.
class RecordReader {
 public:
  bool read(std::string_view line, Record& record);

 private:
  /// What stands between event and sequence number in records of one kind of a session.
  struct Known {
    std::string event, members;
    Record record;  ///< views into `members`
    std::uint64_t number = 0;
  };
  Known& place_for(std::string_view line, std::size_t head, std::string_view event) noexcept;
  bool read_anew(std::string_view line, std::size_t head, Known& known, Record& record);
  void keep(std::string_view members, const Record& record, Known& known);

  std::array<Known, 512> known_;
  std::uint64_t last_number_ = 0;
};

/// "2026-11-21T05:04:03.000002Z" in microseconds since 1970 UTC; 0 for what is no such time.
std::int64_t parse_log_time(std::string_view text) noexcept;

/// The first line of `text` and what is behind it. A line without its newline is none: nothing is left then.
/// @return false: there is none
bool take_line(std::string_view& text, std::string_view& line) noexcept;

/// The elements of a list of strings, as Members has them.
class Elements {
 public:
  explicit Elements(std::string_view list) : rest_(list) {}
  bool next(std::string_view& element) noexcept;

 private:
  std::string_view rest_;
};

}  // namespace dbgate::search
