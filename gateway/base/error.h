#pragma once
#include <boost/system/result.hpp>
#include <string>
#include <utility>

#include "protocol/postgres/sqlstate.h"

namespace dbgate {

using protocol::SqlState;
namespace sqlstate = protocol::sqlstate;

/// Why dbgate failed to do its job: what the client, the audit record and the metric label will say. A denial is not an
/// Error but a Verdict. Messages name what and where, never secrets, SQL text or bind values.
class [[nodiscard]] Error {
 public:
  Error() = default;  // XX000 internal_error; boost::system::result needs it
  Error(SqlState code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  SqlState code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  /// What to do next; may be empty.
  const std::string& hint() const noexcept { return hint_; }

 private:
  SqlState code_ = sqlstate::internal_error;
  std::string message_ = "internal error";
  std::string hint_;
};

/// Lets result<T, Error>::value() throw something meaningful. Only start-up code and tests call value().
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& location);

template <class T = void>
using Result = boost::system::result<T, Error>;

#define DBGATE_CONCAT_INNER(a, b) a##b
#define DBGATE_CONCAT(a, b) DBGATE_CONCAT_INNER(a, b)
#define DBGATE_TRY_INNER(name, declaration, expression, leave) \
  auto name = (expression);                                    \
  if (!name) leave name.error();                               \
  declaration = std::move(name).value()

/// `DBGATE_TRY(const auto x, f());` declares x from a Result or returns its error. A statement, not an expression.
#define DBGATE_TRY(declaration, expression) \
  DBGATE_TRY_INNER(DBGATE_CONCAT(dbgate_try_, __LINE__), declaration, expression, return)
/// The same inside a coroutine.
#define DBGATE_CO_TRY(declaration, expression) \
  DBGATE_TRY_INNER(DBGATE_CONCAT(dbgate_try_, __LINE__), declaration, expression, co_return)

/// For results without a value: returns the error, if there is one.
#define DBGATE_CHECK(expression) \
  if (const auto dbgate_checked = (expression); !dbgate_checked) return dbgate_checked.error()
#define DBGATE_CO_CHECK(expression) \
  if (const auto dbgate_checked = (expression); !dbgate_checked) co_return dbgate_checked.error()

}  // namespace dbgate
