#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/test_store.h"

namespace dbgate::adapters::store {

using namespace ports::store;  // NOLINT: the records are what the tests are about
using namespace std::string_literals;

/// Some moment of 2023. Tests have a clock of their own.
inline constexpr Micros t0 = 1'700'000'000'000'000;
inline constexpr Micros second = 1'000'000;
inline constexpr Micros minute = 60 * second;
inline constexpr Micros hour = 60 * minute;

using tests::Dialect;
using tests::postgres_server;
using tests::StoreLab;

/// The value, or the error as an exception that names it.
template <class T>
T got(Result<T> result) {
  if (!result) {
    const Error why = result.error();
    throw std::runtime_error(std::string(why.code().text()) + ": " + why.message());
  }
  return std::move(*result);
}
inline void did(const Result<>& result) {
  if (result) return;
  const Error why = result.error();
  throw std::runtime_error(std::string(why.code().text()) + ": " + why.message());
}
/// "" for success, else the SQLSTATE.
template <class T>
std::string code_of(const Result<T>& result) {
  if (result) return "";
  const Error why = result.error();
  return std::string(why.code().text());
}

class StoreTest : public testing::TestWithParam<Dialect> {
 protected:
  StoreLab lab{GetParam()};
  std::unique_ptr<Store> store = lab.open();

  User make_user(const std::string& name) {
    NewUser fresh;
    fresh.user.name = name;
    return got(store->users().create_user(fresh, t0));
  }
  Login make_login(const std::string& user, const std::string& token) {
    Login login;
    login.user = user;
    login.method = "password";
    login.expires_us = t0 + 24 * hour;
    return got(store->logins().create_login(login, {token, t0 + 8 * hour}, t0));
  }
  std::int64_t generation() { return got(store->generation()); }
};

inline std::string dialect_name(const testing::TestParamInfo<Dialect>& info) {
  return info.param == Dialect::sqlite ? "sqlite" : "postgresql";
}

/// Runs a suite on both.
#define ON_BOTH_DIALECTS(suite) \
  INSTANTIATE_TEST_SUITE_P(Stores, suite, testing::Values(Dialect::sqlite, Dialect::postgresql), dialect_name)

/// Collects events and waits for them.
class EventLog {
 public:
  void operator()(const Event& event);
  /// Until there is one that fits among those that came since the last success. @return how long it took;
  /// nothing after `limit`
  template <class Fits>
  std::optional<std::chrono::milliseconds> wait(const Fits& fits,
                                                std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    const auto begun = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    const auto found = [&] {
      for (; next_ < events_.size(); ++next_) {
        if (fits(events_[next_])) return true;
      }
      return false;
    };
    if (!changed_.wait_for(lock, limit, found)) return std::nullopt;
    ++next_;
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  }
  std::function<void(const Event&)> callback() {
    return [this](const Event& event) { (*this)(event); };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  std::size_t next_ = 0;
};

}  // namespace dbgate::adapters::store
