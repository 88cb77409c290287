#include "gateway/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dbgate {
namespace {

// The worked example of the paper (Aumasson and Bernstein, 2012, appendix A): SipHash-2-4 of 00 … 0e.
TEST(KeyedHash, IsSipHash) {
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string bytes;
  for (char c = 0; c < 15; ++c)
    bytes += c;
  EXPECT_EQ(sip_hash(key, bytes, 2, 4), 0xa129ca6149be45e5);
  EXPECT_EQ(sip_hash(key, {}, 2, 4), 0x726fdb47dd0e0e31);
}

TEST(KeyedHash, EveryByteAndTheKeyCount) {
  std::set<std::uint64_t> seen;
  const std::string text = "SELECT abalance FROM pgbench_accounts";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    seen.insert(keyed_hash({1, 2}, text.substr(0, size)));
    std::string other = text;
    if (size < text.size()) other[size] ^= 1;
    seen.insert(keyed_hash({1, 2}, other));
    seen.insert(keyed_hash({1, 3 + size}, text));
  }
  EXPECT_EQ(seen.size(), 3 * (text.size() + 1) - 1);  // the whole text comes twice
}

}  // namespace
}  // namespace dbgate
