#include "gateway/sql/shape_tokens.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/parser_tokens.h"

namespace dbgate::sql {
namespace {

class ShapeTokensAsTheParser : public testing::TestWithParam<const char*> {};

TEST_P(ShapeTokensAsTheParser, TellsTokensApart) {
  const std::string text = GetParam();
  std::vector<Span> expected;
  ASSERT_TRUE(parser_tokens(text, expected)) << text;
  const auto tokens = shape_tokens_of(text);
  ASSERT_TRUE(tokens) << text;
  EXPECT_EQ(spans_of(*tokens, text).size(), expected.size()) << text;
  EXPECT_TRUE(spans_of(*tokens, text) == expected) << text;
}

INSTANTIATE_TEST_SUITE_P(Texts, ShapeTokensAsTheParser,
                         testing::Values("SELECT a.b, \"C\".* FROM t -- x\nWHERE a='it''s' AND b = E'\\'x' ",
                                         "select 1+2, 1.5e3,.5,1.,1e-3",
                                         "a=-1 <>-2 !=-3 @-4 +-5 a*-b ->-x ->>'k' #>-'y'", "a /* x /* y */ '*/ b",
                                         "a+/*c*/b a--c\n-b", "$1+$23 $$a'b$$ $x$ $$ $x$ $_1$'$_1$",
                                         "b'01' X'ff' n'x' e'\\\\' E'a''b'", "x::int a:=b c=>d e[1:2]",
                                         "\"a\"\"b\" \"x'y\"", "'a\"b' /*+ hint */ c", "été$1 a$b _x1",
                                         "a<=b>=c<>d!=e||f", "'\\' , 'x'", "a @@-- c\n b", "a@#-b a*/b",
                                         "f(*) , ; . ( ) [ ]", "a /**/ - /* -- */ b", "1-1-1"));

TEST(ShapeTokens, KnowTheirKinds) {
  const std::string text = "/*+ h */ a \"b\" 'c' E'd' $$e$$ B'1' 2 $3 <> :: ,";
  const auto tokens = shape_tokens_of(text);
  ASSERT_TRUE(tokens);
  std::vector<ShapeTokenKind> kinds;
  for (const ShapeToken& token : *tokens)
    kinds.push_back(token.kind);
  using enum ShapeTokenKind;
  EXPECT_EQ(kinds, (std::vector<ShapeTokenKind>{hint, word, quoted, string, string, string, bits, number, parameter,
                                                oper, mark, mark}));
}

TEST(ShapeTokens, RefuseWhatIsEasilyGotWrong) {
  for (const char* text : {"'a'\n'b'", "E'a'\n'b\\'c'", "U&'x'", "u&\"x\"", "'x", "\"x", "$a$x", "/* x", "E'x\\'",
                           "1..2", "1a", "$1a", "1e", "a\vb", "\\x", "$a", "{"}) {
    EXPECT_FALSE(shape_tokens_of(text)) << text;
  }
}

}  // namespace
}  // namespace dbgate::sql
