#pragma once
#include <array>
#include <cstddef>
#include <string_view>

namespace dbgate::protocol {

/// A five-character SQLSTATE (PostgreSQL docs, Appendix A). Always five characters; trivially copyable.
class SqlState {
 public:
  constexpr SqlState() = default;
  /// Compile-time literal: `SqlState{"42501"}`.
  constexpr explicit SqlState(const char (&code)[6]) {
    for (std::size_t i = 0; i < code_.size(); ++i)
      code_[i] = code[i];
  }
  /// From text that came over the wire; anything that is not five characters of [0-9A-Z] becomes XX000.
  static constexpr SqlState from(std::string_view text) {
    SqlState state;
    if (text.size() != state.code_.size()) return state;
    for (const char c : text) {
      if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) return state;
    }
    for (std::size_t i = 0; i < text.size(); ++i)
      state.code_[i] = text[i];
    return state;
  }

  constexpr std::string_view text() const noexcept { return {code_.data(), code_.size()}; }
  /// The first two characters, which name the class of the condition.
  constexpr std::string_view error_class() const noexcept { return text().substr(0, 2); }
  friend constexpr bool operator==(const SqlState&, const SqlState&) = default;

 private:
  std::array<char, 5> code_{'X', 'X', '0', '0', '0'};
};

/// The conditions that dbgate raises itself. Names are PostgreSQL's.
namespace sqlstate {
inline constexpr SqlState successful_completion{"00000"};
inline constexpr SqlState no_data{"02000"};
inline constexpr SqlState feature_not_supported{"0A000"};
inline constexpr SqlState connection_failure{"08006"};
inline constexpr SqlState sqlserver_rejected_establishment_of_sqlconnection{"08004"};
inline constexpr SqlState protocol_violation{"08P01"};
inline constexpr SqlState character_not_in_repertoire{"22021"};
inline constexpr SqlState invalid_parameter_value{"22023"};
inline constexpr SqlState unique_violation{"23505"};
inline constexpr SqlState in_failed_sql_transaction{"25P02"};
inline constexpr SqlState idle_in_transaction_session_timeout{"25P03"};
inline constexpr SqlState invalid_sql_statement_name{"26000"};
inline constexpr SqlState invalid_authorization_specification{"28000"};
inline constexpr SqlState invalid_password{"28P01"};
inline constexpr SqlState invalid_catalog_name{"3D000"};
inline constexpr SqlState serialization_failure{"40001"};
inline constexpr SqlState insufficient_privilege{"42501"};
inline constexpr SqlState syntax_error{"42601"};
inline constexpr SqlState undefined_object{"42704"};
inline constexpr SqlState duplicate_prepared_statement{"42P05"};
inline constexpr SqlState too_many_connections{"53300"};
inline constexpr SqlState configuration_limit_exceeded{"53400"};
inline constexpr SqlState program_limit_exceeded{"54000"};
inline constexpr SqlState statement_too_complex{"54001"};
inline constexpr SqlState object_not_in_prerequisite_state{"55000"};
inline constexpr SqlState query_canceled{"57014"};
inline constexpr SqlState admin_shutdown{"57P01"};
inline constexpr SqlState cannot_connect_now{"57P03"};
inline constexpr SqlState idle_session_timeout{"57P05"};
inline constexpr SqlState io_error{"58030"};
inline constexpr SqlState internal_error{"XX000"};
inline constexpr SqlState data_corrupted{"XX001"};
}  // namespace sqlstate

}  // namespace dbgate::protocol
