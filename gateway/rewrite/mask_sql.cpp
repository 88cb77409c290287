#include "gateway/rewrite/mask_sql.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

namespace dbgate::rewrite {
namespace {

using config::MaskKind;

enum class Family : std::uint8_t {
  text,
  int2,
  int4,
  int8,
  numeric,
  float4,
  float8,
  date,
  timestamp,
  timestamptz,
  time,
  uuid,
  json,
  jsonb,
  bytea,
  array,
  other
};

constexpr std::pair<std::string_view, Family> families[] = {
    {"text", Family::text},           {"varchar", Family::text},
    {"bpchar", Family::text},         {"name", Family::text},
    {"char", Family::text},           {"int2", Family::int2},
    {"int4", Family::int4},           {"int8", Family::int8},
    {"numeric", Family::numeric},     {"float4", Family::float4},
    {"float8", Family::float8},       {"date", Family::date},
    {"timestamp", Family::timestamp}, {"timestamptz", Family::timestamptz},
    {"time", Family::time},           {"uuid", Family::uuid},
    {"json", Family::json},           {"jsonb", Family::jsonb},
    {"bytea", Family::bytea}};

constexpr int numeric_whole_digits_of_int8 = 18;

std::string call(std::string_view function, const std::string& arguments) {
  return "pg_catalog." + quoted(function) + "(" + arguments + ")";
}

std::string cast(const std::string& expression, const std::string& type) {
  return "CAST(" + expression + " AS pg_catalog." + type + ")";
}

std::string concatenated(const std::string& left, const std::string& right) {
  return "(" + left + " OPERATOR(pg_catalog.||) " + right + ")";
}

std::string unless_null(const std::string& value, const std::string& expression) {
  return "CASE WHEN " + value + " IS NOT NULL THEN " + expression + " END";
}

/// One column's mask.
class Masker {
 public:
  Masker(const catalog::Snapshot& snapshot, const catalog::Column& column) : snapshot_(snapshot) {
    value_ = quoted(column.name);
    type_ = snapshot.type(column.type);
    typmod_ = column.typmod;
    // A mask need not pass the checks of a domain, and drivers see its base type anyway (printtup.c).
    while (type_ != nullptr && type_->kind == 'd') {
      typmod_ = type_->typmod;
      type_ = snapshot.type(type_->base);
    }
    family_ = family();
  }

  std::string in_place(MaskKind kind) const {
    if (type_ == nullptr) return "NULL";
    const std::string mask = expression(kind);
    const std::string modifiers = modifier();
    // A type of somebody's own: how its modifier is written, nobody knows. Its column has it, and no row of it is read.
    if (mask.empty() && modifiers.empty() && typmod_ >= 0) return "(SELECT " + value_ + " LIMIT 0)";
    return "CAST(" + (mask.empty() ? "NULL" : mask) + " AS " + type_text() + modifiers + ")";
  }

 private:
  Family family() const {
    if (type_ == nullptr) return Family::other;
    if (type_->element != 0 && type_->category == 'A') return Family::array;
    if (type_->name == "citext") return Family::text;
    const auto schema = snapshot_.schema(type_->schema);
    if (schema == nullptr || schema->name != "pg_catalog") return Family::other;
    const auto found = std::find_if(std::begin(families), std::end(families),
                                    [this](const auto& entry) { return entry.first == type_->name; });
    return found == std::end(families) ? Family::other : found->second;
  }

  std::string type_text() const {
    const auto schema = snapshot_.schema(type_->schema);
    return (schema == nullptr ? "" : quoted(schema->name) + ".") + quoted(type_->name);
  }

  // As the type's input function for modifiers takes it (manual ch. 8). Of an array: its element's.
  std::string modifier() const {
    const catalog::Type* const element = family_ == Family::array ? snapshot_.type(type_->element) : type_;
    if (typmod_ < 0 || element == nullptr) return {};
    const std::string_view name = element->name;
    if (name == "varchar" || name == "bpchar") return "(" + std::to_string(typmod_ - 4) + ")";
    if (name == "numeric") return "(" + std::to_string(precision()) + "," + std::to_string(scale()) + ")";
    if (name == "interval") return interval_fields();
    const bool counts = name == "timestamp" || name == "timestamptz" || name == "time" || name == "timetz" ||
                        name == "bit" || name == "varbit";
    return counts ? "(" + std::to_string(typmod_) + ")" : std::string();
  }
  // A mask of fields, then digits (timestamp.c, intervaltypmodin).
  std::string interval_fields() const {
    constexpr int any_digits = 0xffff;
    const int digits = typmod_ & any_digits;
    const std::string fields = std::to_string((typmod_ >> 16) & 0x7fff);
    return digits == any_digits ? "(" + fields + ")" : "(" + fields + "," + std::to_string(digits) + ")";
  }
  int precision() const { return ((typmod_ - 4) >> 16) & 0xffff; }
  int scale() const { return (((typmod_ - 4) & 0x7ff) ^ 1024) - 1024; }

  // Empty: NULL.
  std::string expression(MaskKind kind) const {
    switch (kind) {
      case MaskKind::null:
        return {};
      case MaskKind::redact:
        return constant();
      case MaskKind::hash:
        return hash();
      case MaskKind::range:
        return range();
      case MaskKind::partial:
        return partial();
      case MaskKind::email:
        return family_ == Family::text ? domain_of_email() : constant();
    }
    return {};
  }

  // The same for every value, NULL too.
  std::string constant() const {
    switch (family_) {
      case Family::text:
        return "'***'";
      case Family::int2:
      case Family::int4:
      case Family::int8:
      case Family::numeric:
      case Family::float4:
      case Family::float8:
        return "0";
      case Family::date:
      case Family::timestamp:
        return "'1970-01-01'";
      case Family::timestamptz:
        return "'1970-01-01 00:00:00+00'";
      case Family::time:
        return "'00:00:00'";
      case Family::uuid:
        return "'00000000-0000-0000-0000-000000000000'";
      case Family::json:
      case Family::jsonb:
        return "'\"***\"'";
      case Family::bytea:
        return "''";
      case Family::array:
        return "'{}'";
      case Family::other:
        return {};
    }
    return {};
  }

  std::string hash() const {
    const std::string hex = call("encode", digest() + ", 'hex'");
    switch (family_) {
      case Family::text:
        return hex;
      case Family::int2:
        return number_of(hex, 12);
      case Family::int4:
        return number_of(hex, 28);
      case Family::int8:
        return number_of(hex, 60);
      case Family::numeric:
        return number_that_fits(hex);
      case Family::float4:
        return number_of(hex, 24);
      case Family::float8:
        return number_of(hex, 48);
      case Family::date:
        return "(DATE '2000-01-01' OPERATOR(pg_catalog.+) " + cast(number_of(hex, 12), "int4") + ")";
      case Family::timestamp:
      case Family::timestamptz:
        return "(" + std::string(family_ == Family::timestamp ? "TIMESTAMP" : "TIMESTAMPTZ") +
               " '2000-01-01 00:00:00+00' OPERATOR(pg_catalog.+) " + seconds(number_of(hex, 28)) + ")";
      case Family::time:
        return seconds(number_of(hex, 16));
      case Family::uuid:
        return call("substr", hex + ", 1, 32");
      case Family::json:
        return call("to_json", hex);
      case Family::jsonb:
        return call("to_jsonb", hex);
      case Family::bytea:
        return digest();
      case Family::array:
      case Family::other:
        return {};
    }
    return {};
  }

  // HMAC (RFC 2104) of the value's text.
  std::string digest() const {
    const auto key = [](std::string_view setting) {
      return call("decode", call("current_setting", "'" + std::string(setting) + "'") + ", 'base64'");
    };
    const std::string inner = call("sha256", concatenated(key(inner_key_setting), bytes()));
    return call("sha256", concatenated(key(outer_key_setting), inner));
  }

  // The same for all that is equal, whatever the settings of the session: those for dates and floats are the client's.
  std::string bytes() const {
    switch (family_) {
      case Family::bytea:
        return value_;
      case Family::numeric:
        return text_bytes(call("trim_scale", value_));
      case Family::float4:
      case Family::float8:
        return call("float8send",
                    "CASE WHEN " + value_ + " OPERATOR(pg_catalog.=) 0 THEN 0 ELSE " + cast(value_, "float8") + " END");
      case Family::date:
        return call("date_send", value_);
      case Family::timestamp:
        return call("timestamp_send", value_);
      case Family::timestamptz:
        return call("timestamptz_send", value_);
      case Family::time:
        return call("time_send", value_);
      default:
        return text_bytes(type_->name == "citext" ? call("lower", cast(value_, "text")) : value_);
    }
  }
  static std::string text_bytes(const std::string& value) { return call("textsend", cast(value, "text")); }

  // The first bits of a hexadecimal text as a number that is not negative. @param bits  at most 60, a multiple of 4
  static std::string number_of(const std::string& hex, int bits) {
    const std::string digits = call("substr", hex + ", 1, " + std::to_string(bits / 4));
    const std::string as_bits = cast(concatenated("'x'", digits), "\"bit\"(" + std::to_string(bits) + ")");
    return cast(as_bits, bits > 28 ? "int8" : "int4");
  }

  std::string number_that_fits(const std::string& hex) const {
    const std::string number = number_of(hex, 60);
    const int whole = typmod_ < 0 ? numeric_whole_digits_of_int8 : precision() - scale();
    if (whole <= 0) return "0";
    if (whole >= numeric_whole_digits_of_int8) return number;
    return call("mod", number + ", 1" + std::string(static_cast<std::size_t>(whole), '0'));
  }

  static std::string seconds(const std::string& number) {
    return call("make_interval", "secs => " + cast(number, "float8"));
  }

  // The first digit, the year.
  std::string range() const {
    switch (family_) {
      case Family::int2:
      case Family::int4:
      case Family::int8:
      case Family::numeric:
      case Family::float4:
      case Family::float8:
        return first_digit();
      case Family::date:
        return year_of(cast(value_, "\"timestamp\""));
      case Family::timestamp:
        return year_of(value_);
      case Family::timestamptz:
        return year_of(value_ + ", 'UTC'");  // else the client's time zone would move the border
      case Family::time:
        return call("date_trunc", "'hour', " + cast(value_, "\"interval\""));
      default:
        return constant();
    }
  }

  // The first year of a timestamp began before the first that it can hold; a date can be later than the last.
  std::string year_of(const std::string& time) const {
    const std::string finite = call("isfinite", value_);
    const std::string held = family_ == Family::date ? value_ + " OPERATOR(pg_catalog.<=) '294276-12-31'" : finite;
    return "CASE WHEN NOT " + finite + " THEN " + value_ + " WHEN " + value_ +
           " OPERATOR(pg_catalog.>=) '4713-01-01 BC' AND " + held + " THEN " + call("date_trunc", "'year', " + time) +
           " END";
  }

  // NaN and the infinities are beyond every number.
  std::string within(const std::string& least, const std::string& most) const {
    const bool whole = family_ == Family::int4 || family_ == Family::int8;
    const std::string size = call("abs", whole ? cast(value_, "\"numeric\"") : value_);
    return size + " OPERATOR(pg_catalog.>=) " + least + " AND " + size + " OPERATOR(pg_catalog.<) " + most;
  }

  std::string first_digit() const {
    const std::string number = cast(value_, "\"numeric\"");
    const std::string digits = cast(call("floor", call("log", call("abs", number))), "int4");
    const bool small = family_ == Family::int2 || family_ == Family::int4 || family_ == Family::int8;
    const std::string finite = small ? value_ + " IS NOT NULL" : within("0", "1e30");
    return "CASE WHEN " + value_ + " OPERATOR(pg_catalog.=) 0 THEN 0 WHEN " + finite + " THEN " +
           call("trunc", number + ", (OPERATOR(pg_catalog.-) " + digits + ")") + " END";
  }

  // What is known of a card or an account to those who have it before them.
  std::string partial() const {
    switch (family_) {
      case Family::text:
        return last_characters();
      case Family::int4:
      case Family::int8:
      case Family::numeric:
      case Family::float8:
        return "CASE WHEN " + within("100000000", family_ == Family::int4 ? "2147483647" : "1e30") + " THEN " +
               call("mod", call("trunc", call("abs", cast(value_, "\"numeric\""))) + ", 10000") + " WHEN " + value_ +
               " IS NOT NULL THEN 0 END";
      case Family::uuid:
        return unless_null(
            value_, concatenated("'00000000-0000-0000-0000-00000000'", call("right", cast(value_, "text") + ", 4")));
      case Family::date:
      case Family::timestamp:
      case Family::timestamptz:
        return range();
      default:
        return constant();
    }
  }

  std::string last_characters() const {
    const std::string text = cast(value_, "text");
    const std::string length = call("length", text);
    const std::string stars = call("repeat", "'*', " + length);
    const std::string hidden = call("repeat", "'*', " + length + " OPERATOR(pg_catalog.-) 4");
    return "CASE WHEN " + length + " OPERATOR(pg_catalog.<) 8 THEN " + stars + " ELSE " +
           concatenated(hidden, call("right", text + ", 4")) + " END";
  }

  std::string domain_of_email() const {
    const std::string domain = call("substring", cast(value_, "text") + ", '@[A-Za-z0-9.-]+$'");
    return unless_null(value_, concatenated("'***'", "COALESCE(" + domain + ", '')"));
  }

  const catalog::Snapshot& snapshot_;
  const catalog::Type* type_ = nullptr;
  std::int32_t typmod_ = -1;
  Family family_ = Family::other;
  std::string value_;
};

}  // namespace

std::string quoted(std::string_view name) {
  std::string result = "\"";
  for (const char c : name) {
    result += c;
    if (c == '"') result += c;
  }
  return result + '"';
}

std::string masked(const catalog::Snapshot& snapshot, const catalog::Column& column, config::MaskKind kind) {
  return Masker(snapshot, column).in_place(kind);
}

}  // namespace dbgate::rewrite
