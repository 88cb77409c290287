#include "gateway/rewrite/places.h"

#include <gtest/gtest.h>

#include <string>

namespace dbgate::rewrite {
namespace {

std::optional<RelationPlace> place_of(const std::string& text, const std::string& name) {
  const auto tokens = sql::tokenize(text);
  if (!tokens) return std::nullopt;
  return Places(text, *tokens).relation(text.find(name));
}

std::string span_of(const std::string& text, const std::string& name) {
  const auto place = place_of(text, name);
  return place ? text.substr(place->span.begin, place->span.end - place->span.begin) : "none";
}

TEST(Places, WhereANameEnds) {
  EXPECT_EQ(span_of("SELECT 1 FROM t WHERE true", "t W"), "t");
  EXPECT_EQ(span_of("SELECT 1 FROM public.t x", "public"), "public.t");
  EXPECT_EQ(span_of("SELECT 1 FROM db . /* c */ public . \"a.b\"\"c\" x", "db"), "db . /* c */ public . \"a.b\"\"c\"");
  EXPECT_EQ(span_of("SELECT 1 FROM U&\"t!0061\" UESCAPE '!' x", "U&"), "U&\"t!0061\" UESCAPE '!'");
  EXPECT_EQ(span_of("SELECT 1 FROM public.U&\"t!0061\" UESCAPE '!'", "public"), "public.U&\"t!0061\" UESCAPE '!'");
  EXPECT_EQ(span_of("SELECT 1 FROM \"uescape\" uescape", "\"uescape\""), "\"uescape\"");
}

TEST(Places, OnlyAndTableBelongToIt) {
  EXPECT_EQ(span_of("SELECT 1 FROM ONLY t", "t"), "ONLY t");
  EXPECT_EQ(span_of("SELECT 1 FROM oNlY /* c */ \"only\" x", "\"only\""), "oNlY /* c */ \"only\"");
  EXPECT_EQ(span_of("TABLE t", "t"), "TABLE t");
  EXPECT_EQ(span_of("TABLE ONLY \"table\"", "\"table\""), "TABLE ONLY \"table\"");
  EXPECT_TRUE(place_of("TABLE t", "t")->table);
  EXPECT_FALSE(place_of("SELECT 1 FROM t", "t")->table);
}

TEST(Places, WhatCannotBeReplacedInPlace) {
  EXPECT_FALSE(place_of("SELECT 1 FROM t *", "t"));
  EXPECT_FALSE(place_of("SELECT 1 FROM ONLY (t)", "t)"));
  EXPECT_FALSE(place_of("SELECT 1 FROM tt",
                        "t"  // inside a token
                        "x"));
}

TEST(Places, ColumnsOfCopy) {
  const std::string text = "COPY t (a, \"b)\") TO STDOUT";
  const auto place = place_of(text, "t ");
  ASSERT_TRUE(place);
  EXPECT_EQ(text.substr(place->columns.begin, place->columns.end - place->columns.begin), "a, \"b)\"");
  EXPECT_EQ(text.substr(place->after), " TO STDOUT");
  EXPECT_EQ(place_of("COPY t TO STDOUT", "t ")->columns.end, 0u);
}

TEST(Places, WhatStandsBeforeTheTable) {
  const std::string text = "SELECT db.public.t.c, public . t.c, t.c, public.t.*";
  const auto tokens = sql::tokenize(text);
  ASSERT_TRUE(tokens);
  const Places places(text, *tokens);
  const auto before = [&](const char* name) {
    const auto span = places.before_table(text.find(name));
    return span ? text.substr(span->begin, span->end - span->begin) : "none";
  };
  EXPECT_EQ(before("db"), "db.public.");
  EXPECT_EQ(before("public ."), "public . ");
  EXPECT_EQ(before("t.c, public.t.*"), "none");
  EXPECT_EQ(before("public.t.*"), "public.");
}

}  // namespace
}  // namespace dbgate::rewrite
