#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "config/identity.h"
#include "gateway/ports/store.h"

namespace dbgate::identity {

/// Counts failed attempts to sign in, and says who has to wait. Three counters, none of which depends on whether the
/// user exists: the account from one address (a person who mistypes; a guesser), the account from anywhere (many
/// machines guessing at one), the address whatever the account (one machine guessing at many). An address from which
/// the user has signed in within 30 days is not held up by what others do to the account, so that nobody can lock
/// somebody out of where they work. Blocks; safe to use from any thread.
class Attempts {
 public:
  Attempts(const config::SignIn& settings, ports::store::Store& store) : settings_(settings), store_(store) {}

  /// Seconds to wait; 0: go on. Reads only: what is refused here costs next to nothing. Errors: the store's.
  Result<std::int64_t> wait_s(const std::string& user, const std::string& address, std::int64_t now_us);
  Result<> failed(const std::string& user, const std::string& address, std::int64_t now_us);
  /// Forgets the account's failures from this address. Not the address's: or a guesser with an account of his own could
  /// go on for ever. Not the account's: they run out by themselves.
  Result<> succeeded(const std::string& user, const std::string& address);

 private:
  Result<bool> is_known(const std::string& user, const std::string& address, std::int64_t now_us);

  const config::SignIn settings_;
  ports::store::Store& store_;
};

/// What stands for an address where attempts are counted: an IPv4 address; of IPv6 the /64, which is what one customer
/// gets; the text itself if it is neither.
std::string counted_address(std::string_view address);

}  // namespace dbgate::identity
