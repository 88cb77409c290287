#include <bit>

#include "gateway/adapters/pg_connection.h"

namespace dbgate::adapters {
namespace {

// A cursor over an array in binary format: dimensions, flags, element type, then size and lower bound of each
// dimension, then every element with its length (array_send in PostgreSQL's arrayfuncs.c).
class ArrayReader {
 public:
  explicit ArrayReader(std::string_view bytes) : left_(bytes) {
    const std::uint32_t dimensions = word();
    word();
    word();
    if (dimensions == 0 || !fine_) return;
    count_ = word();
    word();
    fine_ = fine_ && dimensions == 1 && count_ <= left_.size() / sizeof(std::uint32_t);
  }

  bool fine() const noexcept { return fine_; }
  std::uint32_t count() const noexcept { return fine_ ? count_ : 0; }
  std::string_view element() {
    const std::uint32_t length = word();
    if (length == UINT32_MAX) return {};
    return take(length);
  }
  std::uint32_t word() { return number(take(sizeof(std::uint32_t))); }
  static std::uint32_t number(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char c : bytes)
      value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

 private:
  std::string_view take(std::size_t bytes) {
    if (bytes > left_.size()) {
      fine_ = false;
      return {};
    }
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }

  std::string_view left_;
  std::uint32_t count_ = 0;
  bool fine_ = true;
};

}  // namespace

std::string_view PgRow::text(int column) const {
  if (column >= PQnfields(result_)) malformed_ = true;
  if (malformed_ || PQgetisnull(result_, row_, column) != 0) return {};
  return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
}

std::uint64_t PgRow::number(int column, std::size_t bytes) const {
  const std::string_view field = text(column);
  if (malformed_ || PQgetisnull(result_, row_, column) != 0) return 0;
  if (field.size() != bytes) {
    malformed_ = true;
    return 0;
  }
  std::uint64_t value = 0;
  for (const char c : field)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

double PgRow::float8(int column) const {
  return std::bit_cast<double>(number(column, sizeof(double)));
}

std::vector<std::uint32_t> PgRow::oids(int column) const {
  std::vector<std::uint32_t> values;
  const std::string_view field = text(column);
  if (field.empty()) return values;
  ArrayReader array(field);
  for (std::uint32_t i = 0; i < array.count(); ++i)
    values.push_back(ArrayReader::number(array.element()));
  malformed_ = malformed_ || !array.fine();
  return values;
}

std::vector<std::string_view> PgRow::texts(int column) const {
  std::vector<std::string_view> values;
  const std::string_view field = text(column);
  if (field.empty()) return values;
  ArrayReader array(field);
  for (std::uint32_t i = 0; i < array.count(); ++i)
    values.push_back(array.element());
  malformed_ = malformed_ || !array.fine();
  return values;
}

}  // namespace dbgate::adapters
