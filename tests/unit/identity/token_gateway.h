#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "gateway/adapters/cjose_jose.h"
#include "gateway/identity/strict_json.h"
#include "gateway/identity/token_service.h"
#include "tests/support/test_store.h"
#include "tests/unit/identity/counted_store.h"

namespace dbgate::identity {

namespace json = boost::json;
namespace store = ports::store;

inline constexpr std::int64_t second = 1'000'000;
inline constexpr std::int64_t start = 1'800'000'000 * second;

/// @tparam Kept  the store: TestStore, or CountedStore where questions to it are counted or it is gone
template <class Kept>
struct GatewayOn {
  Kept kept;
  std::unique_ptr<ports::Jose> jose = adapters::make_cjose();
  std::string gone;  ///< a user who may not enter
  TokenService tokens{{}, kept, *jose, [this](std::string_view user) { return user != gone; }};
  std::int64_t now = start;

  GatewayOn() {
    EXPECT_TRUE(tokens.open(now));
    follow();
  }
  void follow() { tokens.follow(*kept.load_directory(tokens.ended_since(now), now)); }
  TokenPair begin() { return *tokens.begin({"ana", "password", "psql", "10.0.0.1"}, now); }
  bool accepts(std::string_view bearer) { return tokens.verify(bearer, now).has_value(); }
  ports::JsonWebKeyPair key() {
    const auto keys = *kept.keys().signing_keys();
    const auto key = std::find_if(keys.begin(), keys.end(), [](const auto& each) { return each.retired_us == 0; });
    return {key->kid, key->private_pem, key->public_pem};
  }
  json::object claims(std::string_view token) { return *parse_object(*jose->verify(token, key().public_key, "ES256")); }
  std::string sign(const std::string& payload, const std::string& type = "at+jwt") {
    return *jose->sign(payload, key(), type);
  }
  std::string sign(const json::object& with) { return sign(json::serialize(with)); }
};

using Gateway = GatewayOn<tests::TestStore>;
using CountedGateway = GatewayOn<tests::CountedStore>;

}  // namespace dbgate::identity
