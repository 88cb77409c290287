#include "gateway/proof/note.h"

#include <gtest/gtest.h>

#include "gateway/base/hex.h"

namespace dbgate::proof {
namespace {

Checkpoint checkpoint_of(std::uint64_t size) {
  Checkpoint checkpoint{"dbgate/log_1/w0", size, {}, "2026-11-22T10:00:00.000000Z"};
  checkpoint.root.fill(7);
  return checkpoint;
}

TEST(Note, IsReadAsItWasWritten) {
  const Key key = Key::make();
  const std::string text = sign_checkpoint(checkpoint_of(42), key);
  EXPECT_TRUE(
      text.starts_with("dbgate/log_1/w0\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"
                       "time 2026-11-22T10:00:00.000000Z\n\n\xe2\x80\x94 dbgate/log_1/w0 "))
      << text;
  const auto note = read_note(text);
  ASSERT_TRUE(note) << note.error().message();
  EXPECT_EQ(note->checkpoint, checkpoint_of(42));
  EXPECT_TRUE(is_signed_by(*note, key));
  EXPECT_FALSE(is_signed_by(*note, Key::make()));
}

TEST(Note, EveryByteOfItsTextCounts) {
  const Key key = Key::make();
  const std::string text = sign_checkpoint(checkpoint_of(42), key);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto note = read_note(changed);
    EXPECT_FALSE(note && is_signed_by(*note, key)) << "byte " << i;
  }
}

TEST(Note, ASizeHasOneSpelling) {
  for (const char* size : {"042", "+42", "42 ", "", "0x2a", "18446744073709551616", "-1"}) {
    const std::string text = "dbgate/l/w0\n" + std::string(size) +
                             "\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n\xe2\x80\x94 dbgate/l/w0 AAAAAAAA\n";
    EXPECT_FALSE(read_note(text)) << size;
  }
}

TEST(Note, OthersMaySignAsWell) {
  const Key key = Key::make();
  const std::string text = sign_checkpoint(checkpoint_of(42), key);
  const auto note = read_note(text + "\xe2\x80\x94 witness.example AAAAAAAAAAAA\n");
  ASSERT_TRUE(note);
  EXPECT_EQ(note->signatures.size(), 2U);
  EXPECT_TRUE(is_signed_by(*note, key));
}

TEST(Note, SeveralStandBehindOneAnother) {
  const Key key = Key::make();
  const auto notes = read_notes(sign_checkpoint(checkpoint_of(1), key) + sign_checkpoint(checkpoint_of(2), key) +
                                sign_checkpoint(checkpoint_of(3), key));
  ASSERT_TRUE(notes) << notes.error().message();
  ASSERT_EQ(notes->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*notes)[i].checkpoint.size, i + 1);
    EXPECT_TRUE(is_signed_by((*notes)[i], key));
  }
  EXPECT_FALSE(read_notes(""));
  EXPECT_FALSE(read_notes(sign_checkpoint(checkpoint_of(1), key) + "rest"));
}

TEST(Key, IsReadFromPem) {
  const Key key = Key::make();
  const auto whole = Key::read(key.private_pem());
  const auto half = Key::read(key.public_pem());
  ASSERT_TRUE(whole && half);
  EXPECT_TRUE(whole->can_sign());
  EXPECT_FALSE(half->can_sign());
  EXPECT_TRUE(half->has_signed("text", whole->sign("text")));
  EXPECT_FALSE(half->has_signed("texT", whole->sign("text")));
  EXPECT_FALSE(Key::read("no key"));
}

// openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256
TEST(Key, OtherKindsAreRefused) {
  EXPECT_FALSE(
      Key::read("-----BEGIN PUBLIC KEY-----\n"
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcHf6Qw1yLFD9mG+1yxI2IGzpBi0t\n"
                "9VZRZMOgo8TRBBjRaYsAYMTuGCb9Cy8q2xVdtHvHvVTyS5pmDvSvMpZ6Aw==\n"
                "-----END PUBLIC KEY-----\n"));
}

// <name>+<id>+<base64 of the type and the key>, as C2SP has it.
TEST(Key, ItsIdIsThatOfSignedNotes) {
  const std::string verifier = Key::make().verifier_key("example.com/log");
  const std::size_t first = verifier.find('+');
  EXPECT_EQ(verifier.substr(0, first), "example.com/log");
  EXPECT_EQ(verifier.substr(first + 1, 8).find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(verifier[first + 9], '+');
  EXPECT_EQ(verifier.size(), first + 10 + 44);  // 33 bytes in base64
}

}  // namespace
}  // namespace dbgate::proof
