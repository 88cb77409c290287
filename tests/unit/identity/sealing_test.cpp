#include "gateway/identity/sealing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbgate::identity {
namespace {

using testing::HasSubstr;
using testing::Not;

SealingKey key(const std::string& id, char byte) {
  return {id, std::string(32, byte)};
}

Sealing with(std::vector<SealingKey> keys) {
  return Sealing::make(std::move(keys)).value();
}

std::string why(const Result<std::string>& opened) {
  if (opened) return "opened";
  const Error error = opened.error();
  EXPECT_EQ(error.code(), sqlstate::data_corrupted);
  return error.message();
}

TEST(Sealing, OpensWhatItSealed) {
  const Sealing sealing = with({key("k1", 'a')});
  for (const std::string& plain :
       {std::string(), std::string("x"), std::string("a\0b", 3), std::string(100'000, 'z')}) {
    const std::string sealed = sealing.seal(plain, "targets.password:tgt_1");
    EXPECT_THAT(sealed, testing::StartsWith("dbg1.k1."));
    EXPECT_EQ(sealing.open(sealed, "targets.password:tgt_1").value(), plain);
  }
}

TEST(Sealing, HidesAndNeverRepeats) {
  const Sealing sealing = with({key("k1", 'a')});
  const std::string sealed = sealing.seal("secret-secret", "p");
  EXPECT_THAT(sealed, Not(HasSubstr("secret")));
  EXPECT_NE(sealed, sealing.seal("secret-secret", "p"));
}

TEST(Sealing, AValueMovedToAnotherPlaceDoesNotOpen) {
  const Sealing sealing = with({key("k1", 'a')});
  const std::string sealed = sealing.seal("secret", "targets.password:tgt_1");
  for (const char* const place : {"targets.password:tgt_2", "users.totp:tgt_1", "", "targets.password:tgt_1 "})
    EXPECT_NE(why(sealing.open(sealed, place)), "opened") << place;
}

TEST(Sealing, NoBitCanBeChangedNorCut) {
  const Sealing sealing = with({key("k1", 'a'), key("k2", 'a')});
  const std::string sealed = sealing.seal("secret", "p");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    EXPECT_NE(why(sealing.open(sealed.substr(0, i), "p")), "opened") << i;
    for (const char other : {'A', 'B', '.', '=', ' ', '2'}) {
      std::string changed = sealed;
      changed[i] = other;
      if (changed != sealed) EXPECT_NE(why(sealing.open(changed, "p")), "opened") << i << other;
    }
  }
  EXPECT_NE(why(sealing.open(sealed + ".", "p")), "opened");
  EXPECT_NE(why(sealing.open(sealed + "A", "p")), "opened");
}

TEST(Sealing, PartsOfTwoValuesDoNotFitTogether) {
  const Sealing sealing = with({key("k1", 'a')});
  const std::string first = sealing.seal("one", "p");
  const std::string second = sealing.seal("two", "p");
  const std::size_t first_cut = first.find('.', 8);
  const std::size_t second_cut = second.find('.', 8);
  EXPECT_NE(why(sealing.open(first.substr(0, first_cut) + second.substr(second_cut), "p")), "opened");
}

TEST(Sealing, SaysWhichKeyIsMissingOrWrong) {
  const std::string sealed = with({key("k1", 'a')}).seal("secret", "p");
  EXPECT_THAT(why(with({key("k2", 'a')}).open(sealed, "p")), HasSubstr("\"k1\" is not configured"));
  EXPECT_THAT(why(with({key("k1", 'b')}).open(sealed, "p")), HasSubstr("\"k1\" does not open"));
}

TEST(Sealing, OldKeysOpenAndTheFirstSeals) {
  const std::string old = with({key("k1", 'a')}).seal("secret", "p");
  const Sealing both = with({key("k2", 'b'), key("k1", 'a')});
  EXPECT_EQ(both.open(old, "p").value(), "secret");
  EXPECT_THAT(both.seal("x", "p"), testing::StartsWith("dbg1.k2."));
}

TEST(Sealing, RewrappingChangesTheWrappingOnly) {
  const std::string old = with({key("k1", 'a')}).seal("secret", "p");
  const Sealing both = with({key("k2", 'b'), key("k1", 'a')});
  const auto fresh = both.rewrap(old, "p").value();
  ASSERT_TRUE(fresh);
  EXPECT_EQ(with({key("k2", 'b')}).open(*fresh, "p").value(), "secret");
  EXPECT_NE(why(with({key("k1", 'a')}).open(*fresh, "p")), "opened");
  EXPECT_EQ(fresh->substr(fresh->rfind('.')), old.substr(old.rfind('.')));
  EXPECT_FALSE(both.rewrap(*fresh, "p").value());
  EXPECT_FALSE(both.rewrap(old, "another place").has_value());
}

TEST(Sealing, RefusesKeysThatAreNone) {
  const std::vector<std::vector<SealingKey>> bad{{},
                                                 {{"", std::string(32, 'a')}},
                                                 {{"a.b", std::string(32, 'a')}},
                                                 {{"k", "short"}},
                                                 {key("k", 'a'), key("k", 'b')}};
  for (const auto& keys : bad)
    EXPECT_FALSE(Sealing::make(keys).has_value());
}

TEST(Sealing, ReadsKeysInHexadecimal) {
  EXPECT_EQ(parse_sealing_key(std::string(62, '0') + "fF").value(), std::string(31, '\0') + "\xff");
  for (const std::string& text :
       {std::string(), std::string(63, '0'), std::string(65, '0'), std::string(63, '0') + "g"})
    EXPECT_FALSE(parse_sealing_key(text)) << text;
}

}  // namespace
}  // namespace dbgate::identity
