#include "gateway/audit/json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dbgate::audit {
namespace {

std::string json_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// What another reader of JSON finds in it.
std::string read_back(std::string_view text) {
  return std::string(boost::json::parse(json_of(text)).as_string());
}

TEST(Json, EveryByteByItself) {
  for (int c = 0; c < 256; ++c) {
    const std::string text(1, static_cast<char>(c));
    const std::string out = json_of(text);
    EXPECT_EQ(read_back(text), c < 0x80 ? text : "\xef\xbf\xbd") << c;
    for (const char written : out)
      EXPECT_TRUE(written >= 0x20 && written < 0x7f) << c;  // one line, whatever reads it
  }
}

TEST(Json, ControlCharacters) {
  EXPECT_EQ(json_of(std::string_view("\0\x01\b\t\n\v\f\r\x1b\x1f\x7f", 11)),
            R"("\u0000\u0001\u0008\t\n\u000b\u000c\r\u001b\u001f\u007f")");
  EXPECT_EQ(json_of(R"(a"b\c)"), R"("a\"b\\c")");
  EXPECT_EQ(json_of(""), R"("")");
}

TEST(Json, KeepsUtf8) {
  for (const char* text : {"ä", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "x€y😀z", "\xe2\x80\xa7\xe2\x80\xaa"}) {
    EXPECT_EQ(json_of(text), '"' + std::string(text) + '"');
    EXPECT_EQ(read_back(text), text);
  }
}

// JavaScript ends a line there, and so do readers made of it.
TEST(Json, EscapesLineSeparators) {
  EXPECT_EQ(json_of("a\u2028b\u2029c"), R"("a\u2028b\u2029c")");
}

TEST(Json, ReplacesWhatIsNoUtf8) {
  struct Case {
    std::string_view text;
    const char* out;
  };
  for (const Case& c : {Case{"\xc3", R"("\ufffd")"},                            // cut off
                        {"\xc3(", R"("\ufffd(")"},                              // the next character is kept
                        {"\xe2\x82", R"("\ufffd\ufffd")"},                      //
                        {"\xf0\x9f\x98", R"("\ufffd\ufffd\ufffd")"},            //
                        {"\x80\xbf", R"("\ufffd\ufffd")"},                      // continuation without a start
                        {"\xc0\xaf", R"("\ufffd\ufffd")"},                      // overlong
                        {"\xc1\xbf", R"("\ufffd\ufffd")"},                      //
                        {"\xe0\x9f\xbf", R"("\ufffd\ufffd\ufffd")"},            //
                        {"\xf0\x8f\xbf\xbf", R"("\ufffd\ufffd\ufffd\ufffd")"},  //
                        {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},            // a surrogate
                        {"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},  // beyond U+10FFFF
                        {"\xf8\x88\x80\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd\ufffd")"},
                        {"\xff\xfe", R"("\ufffd\ufffd")"},
                        {"a\xff\"b", R"("a\ufffd\"b")"}}) {
    EXPECT_EQ(json_of(c.text), c.out);
    EXPECT_NO_THROW(read_back(c.text));
  }
}

// Two and three bytes of every kind, so that no sequence is accepted that another reader refuses.
TEST(Json, AlwaysValid) {
  const unsigned char kinds[] = {0x00, 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xa8, 0xbf,
                                 0xc0, 0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xff};
  std::string text(4, '\0');
  for (const unsigned char a : kinds)
    for (const unsigned char b : kinds)
      for (const unsigned char c : kinds)
        for (const unsigned char d : kinds) {
          text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
          boost::json::error_code failed;
          boost::json::parse(json_of(text), failed);
          ASSERT_FALSE(failed) << json_of(text);
        }
}

// Eight bytes are looked at at once: a special one must be found at every place of them, between any others.
TEST(Json, EveryByteAtEveryPlace) {
  for (const char filler : {' ', '!', '#', '[', ']', 'a', '~'}) {
    for (int c = 0; c < 256; ++c) {
      for (std::size_t at = 0; at < 19; ++at) {
        const std::string before(at, filler);
        const std::string behind(18 - at, filler);
        const std::string alone = json_of(std::string(1, static_cast<char>(c)));
        EXPECT_EQ(json_of(before + static_cast<char>(c) + behind),
                  '"' + before + alone.substr(1, alone.size() - 2) + behind + '"');
      }
    }
  }
}

TEST(Json, Fields) {
  std::string out = "{\"v\":1";
  append_field(out, "text", std::string_view("a\"b"));
  append_field(out, "zero", std::uint64_t{0});
  append_field(out, "most", ~std::uint64_t{0});
  EXPECT_EQ(out, R"({"v":1,"text":"a\"b","zero":0,"most":18446744073709551615)");
}

}  // namespace
}  // namespace dbgate::audit
