#include "gateway/identity/key_text.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace dbgate::identity {
namespace {

constexpr std::array kinds = {KeyKind::personal_token, KeyKind::service_key, KeyKind::database_password,
                              KeyKind::refresh_token};

TEST(KeyText, WhatIsMadeIsRecognised) {
  for (const KeyKind kind : kinds) {
    for (int i = 0; i < 200; ++i) {
      const std::string text = make_key(kind);
      ASSERT_EQ(text.size(), prefix_of(kind).size() + 36);
      ASSERT_EQ(kind_of_key(text), kind) << text;
      ASSERT_EQ(text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"),
                std::string::npos);
    }
  }
}

TEST(KeyText, EveryChangeOfOneCharacterIsFound) {
  for (const KeyKind kind : kinds) {
    const std::string text = make_key(kind);
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char other : {'a', 'B', '7', '_', '-', '\0', '\xc3'}) {
        if (text[at] == other) continue;
        std::string changed = text;
        changed[at] = other;
        ASSERT_FALSE(kind_of_key(changed)) << changed;
      }
    }
  }
}

TEST(KeyText, NothingElseIsOne) {
  const std::string text = make_key(KeyKind::personal_token);
  for (std::size_t length = 0; length < text.size(); ++length)
    ASSERT_FALSE(kind_of_key(text.substr(0, length)));
  EXPECT_FALSE(kind_of_key(text + "0"));
  EXPECT_FALSE(kind_of_key(" " + text));
  EXPECT_FALSE(kind_of_key(text + "\n"));
  // The checksum is of the random part: it does not make one kind of another, but the kind is in the prefix.
  EXPECT_EQ(kind_of_key("dbg_sak_" + text.substr(8)), KeyKind::service_key);
  EXPECT_NE(key_hash("dbg_sak_" + text.substr(8)), key_hash(text));
}

TEST(KeyText, CharactersAreEquallyLikely) {
  std::array<int, 256> counts{};
  constexpr int samples = 620'000;
  for (const char c : random_base62(samples))
    ++counts[static_cast<unsigned char>(c)];
  int kinds_seen = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    ++kinds_seen;
    EXPECT_NEAR(count, samples / 62, 700);  // seven standard deviations; a bias of bytes modulo 62 would be 2 500
  }
  EXPECT_EQ(kinds_seen, 62);
}

TEST(KeyText, NoTwoAreAlike) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i)
    ASSERT_TRUE(seen.insert(make_key(KeyKind::refresh_token)).second);
}

TEST(KeyText, HashAndHint) {
  EXPECT_EQ(key_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string text = make_key(KeyKind::service_key);
  EXPECT_EQ(key_hint(text), text.substr(0, 12));
  EXPECT_EQ(key_hint("password"), "");
}

}  // namespace
}  // namespace dbgate::identity
