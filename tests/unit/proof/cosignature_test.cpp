#include "gateway/proof/cosignature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/auth/digests.h"
#include "gateway/base/hex.h"

namespace dbgate::proof {
namespace {

using testing::HasSubstr;

// Those of c2sp.org/tlog-cosignature's example; nobody has told their key.
const std::string cosigned =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\xe2\x80\x94 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\xe2\x80\x94 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

/// A witness with a key that is made for the test.
struct Witness {
  Key key = Key::make();
  std::string name = "w.example/1";

  std::string material() const {
    const std::string pem = key.public_pem();
    // The last 32 bytes of a SubjectPublicKeyInfo.
    std::string base64 = pem.substr(pem.find('\n') + 1);
    base64 = base64.substr(0, base64.find('\n'));
    const std::string der = auth::base64_decode(base64);
    return '\x04' + der.substr(der.size() - 32);
  }
  std::string id() const { return auth::sha256(name + '\n' + material()).substr(0, 4); }
  std::string verifier_key() const { return name + '+' + to_hex(id()) + '+' + auth::base64_encode(material()); }
  Signature sign(const Note& note) const {
    const std::string time("\0\0\0\0\x64\x18\x50\xcb", 8);
    return {name, id(), time + key.sign("cosignature/v1\ntime 1679315147\n" + note.text)};
  }
};

Note note_of(std::uint64_t size) {
  const Key log = Key::make();
  return *read_note(sign_checkpoint({"dbgate/log_1/w0", size, {}, "2026-11-22T10:00:00.000000Z"}, log));
}

TEST(Cosignature, IsOfOneWitnessAndOneCheckpoint) {
  const Witness witness;
  const auto known = Cosigner::read(witness.verifier_key());
  ASSERT_TRUE(known) << known.error().message();
  EXPECT_EQ(known->name(), "w.example/1");
  Note note = note_of(7);
  const Signature signature = witness.sign(note);
  EXPECT_TRUE(known->has_cosigned(note, signature));
  EXPECT_FALSE(known->has_cosigned(note)) << "the note does not have it yet";
  note.signatures.push_back(signature);
  EXPECT_TRUE(known->has_cosigned(note));
  EXPECT_FALSE(known->has_cosigned(note_of(8), signature));
  EXPECT_FALSE(known->has_cosigned(note, Witness().sign(note))) << "another key of that name";
  Signature later = signature;
  later.bytes[7] = 'x';
  EXPECT_FALSE(known->has_cosigned(note, later)) << "another time";
  Signature plain = signature;
  plain.bytes = witness.key.sign(note.text);
  EXPECT_FALSE(known->has_cosigned(note, plain)) << "not as a cosignature";
  plain.bytes.clear();
  EXPECT_FALSE(known->has_cosigned(note, plain));
}

TEST(Cosignature, KeysAreReadOrRefused) {
  const Witness witness;
  const std::string good = witness.verifier_key();
  const auto why = [](std::string_view text) { return std::string(Cosigner::read(text).error().message()); };
  for (const char* const bad : {"", "w", "w+00000000", "+00000000+BA=="})
    EXPECT_THAT(why(bad), HasSubstr("is no verifier key")) << bad;
  EXPECT_THAT(why(witness.key.verifier_key("w.example/1")), HasSubstr("its type must be 4"));
  EXPECT_THAT(why("other" + good.substr(witness.name.size())), HasSubstr("its id is not that of its name and key"));
  EXPECT_THAT(why(witness.name + "+00000000+BAAA"), HasSubstr("is no Ed25519 key"));
}

TEST(Cosignature, WhatIsAskedAndAnswered) {
  TreeHash hash{};
  hash[0] = 1;
  EXPECT_EQ(add_checkpoint_body(0, {}, "note\n"), "old 0\n\nnote\n");
  EXPECT_EQ(
      add_checkpoint_body(12, {hash, {}}, "note\n"),
      "old 12\nAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nnote\n");
  const auto note = read_note(cosigned);
  ASSERT_TRUE(note);
  const std::string lines = cosigned.substr(cosigned.find("\n\n") + 2);
  const auto signatures = read_cosignatures(lines);
  ASSERT_TRUE(signatures);
  ASSERT_EQ(signatures->size(), 2u);
  EXPECT_EQ((*signatures)[1].name, "witness.example.com/w1");
  EXPECT_EQ(line_of((*signatures)[0]) + line_of((*signatures)[1]), lines);
  for (const char* const bad : {"", "hello", "hello\n", "\xe2\x80\x94 w AAAA\n", "\xe2\x80\x94 w !\n"})
    EXPECT_FALSE(read_cosignatures(bad)) << bad;
  EXPECT_FALSE(read_cosignatures(lines.substr(0, lines.size() - 1))) << "cut off";
  EXPECT_EQ(read_witnessed_size("17\n").value(), 17u);
  EXPECT_EQ(read_witnessed_size("0").value(), 0u);
  for (const char* const bad : {"", "\n", "-1", "1x", "99999999999999999999"})
    EXPECT_FALSE(read_witnessed_size(bad)) << bad;
}

}  // namespace
}  // namespace dbgate::proof
