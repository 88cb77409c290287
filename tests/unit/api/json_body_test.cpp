#include "gateway/api/json_body.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dbgate::api {
namespace {

const std::vector<Member> members = {member::text("name", 1, 5),
                                     member::secret("note", 0, 10).optional().nullable(),
                                     member::whole("count", 1, 10).optional(),
                                     member::boolean("on").optional(),
                                     member::word("state", {"active", "disabled"}).optional(),
                                     member::texts("groups", 0, 2, 3).optional(),
                                     member::objects("items", 1, 2).optional(),
                                     member::object("more").optional()};

JsonBody read(std::string text, std::string type = "application/json", bool merge = false) {
  Request request;
  request.body = std::move(text);
  request.content_type = std::move(type);
  return JsonBody(request, members, merge);
}

boost::json::object refusal(const JsonBody& body) {
  return boost::json::parse(body.refused(Request()).body).as_object();
}

std::string pointers(const JsonBody& body) {
  std::string all;
  const boost::json::object problem = refusal(body);
  if (!problem.contains("errors")) return {};
  for (const auto& error : problem.at("errors").as_array())
    all += std::string(error.as_object().at("pointer").as_string()) + ";";
  return all;
}

TEST(JsonBody, GivesWhatItWasToldToExpect) {
  const JsonBody body =
      read(R"({"name":"añö","note":"a\nb","count":10,"on":true,"state":"active","groups":["a","b"],"more":{"x":1}})");
  ASSERT_TRUE(body.valid());
  EXPECT_EQ(body.text("name"), "añö");
  EXPECT_EQ(body.text("note"), "a\nb");
  EXPECT_EQ(body.whole("count", 0), 10);
  EXPECT_TRUE(body.boolean("on", false));
  EXPECT_EQ(body.texts("groups"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(body.value("more")->is_object());
  EXPECT_FALSE(body.has("items"));
  EXPECT_EQ(body.whole("items", 7), 7);
}

TEST(JsonBody, RefusesEverythingElse) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "/name;"},
      {R"({"name":""})", "/name;"},
      {R"({"name":"123456"})", "/name;"},
      {R"({"name":1})", "/name;"},
      {R"({"name":null})", "/name;"},
      {R"({"name":"a\nb"})", "/name;"},
      {R"({"name":"a","note":"\u0000"})", "/note;"},
      {R"({"name":"a","note":"12345678901"})", "/note;"},
      {R"({"name":"a","count":0})", "/count;"},
      {R"({"name":"a","count":11})", "/count;"},
      {R"({"name":"a","count":1.5})", "/count;"},
      {R"({"name":"a","count":18446744073709551615})", "/count;"},
      {R"({"name":"a","count":"1"})", "/count;"},
      {R"({"name":"a","on":1})", "/on;"},
      {R"({"name":"a","state":"other"})", "/state;"},
      {R"({"name":"a","groups":["a","b","c"]})", "/groups;"},
      {R"({"name":"a","groups":["long"]})", "/groups;"},
      {R"({"name":"a","groups":[""]})", "/groups;"},
      {R"({"name":"a","groups":"a"})", "/groups;"},
      {R"({"name":"a","items":[]})", "/items;"},
      {R"({"name":"a","items":[1]})", "/items;"},
      {R"({"name":"a","more":[]})", "/more;"},
      {R"({"name":"a","a/b~c":1})", "/a~1b~0c;"},
      {R"({"nam":1,"count":0})", "/nam;/count;/name;"},
  };
  for (const auto& [text, wrong] : cases) {
    const JsonBody body = read(text);
    EXPECT_FALSE(body.valid()) << text;
    EXPECT_EQ(pointers(body), wrong) << text;
    EXPECT_EQ(refusal(body).at("code").as_string(), "bad_request") << text;
  }
}

TEST(JsonBody, IsAnObjectInUtf8) {
  for (const std::string& text :
       {std::string(), std::string("["), std::string("[]"), std::string("{"), std::string("1"),
        std::string("{\"name\":\"\xff\"}"), std::string("{\"name\":\"a\"} x"),
        "{\"more\":" + std::string(50, '[') + std::string(50, ']') + "}", std::string(100'000, '['),
        std::string("{\"name\":\"\\ud800\"}"), std::string("\xef\xbb\xbf{\"name\":\"a\"}")}) {
    const JsonBody body = read(text);
    EXPECT_FALSE(body.valid()) << text.substr(0, 40);
    EXPECT_EQ(refusal(body).at("status").as_int64(), 400) << text.substr(0, 40);
  }
}

TEST(JsonBody, NeedsItsContentType) {
  EXPECT_TRUE(read(R"({"name":"a"})", "application/json; charset=utf-8").valid());
  EXPECT_TRUE(read(R"({"name":"a"})", "Application/JSON").valid());
  for (const char* type :
       {"", "text/plain", "application/jsonp", "application/merge-patch+json", "application/x-www-form-urlencoded"}) {
    const JsonBody body = read(R"({"name":"a"})", type);
    EXPECT_EQ(refusal(body).at("status").as_int64(), 415) << type;
  }
}

TEST(JsonBody, MergePatchesNeedNothingAndMayClear) {
  const JsonBody body = read(R"({"note":null})", "application/merge-patch+json", true);
  ASSERT_TRUE(body.valid());
  EXPECT_TRUE(body.is_null("note"));
  EXPECT_FALSE(read(R"({"name":null})", "application/merge-patch+json", true).valid());
  EXPECT_FALSE(read(R"({"note":null})", "application/json", true).valid());
}

TEST(JsonBody, HandlersCanRefuseAsWell) {
  JsonBody body = read(R"({"name":"a"})");
  body.refuse("name", "is taken");
  EXPECT_FALSE(body.valid());
  EXPECT_EQ(pointers(body), "/name;");
}

// Names of members are the client's: what is said about them must be valid JSON in any case.
TEST(JsonBody, NamesOfUnknownMembersAreHarmless) {
  const JsonBody body = read("{\"" + std::string(126, 'x') + "ää\":1,\"\\u0000\\n\\\"\":2,\"name\":\"a\"}");
  EXPECT_FALSE(body.valid());
  EXPECT_EQ(refusal(body).at("errors").as_array().size(), 2u);
}

// Which of the two counts differs from parser to parser; the last one did here.
TEST(JsonBody, RefusesMembersThatStandTwice) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name":"a","count":1,"name":"b"})", "/name;"},
      {R"({"name":"a","na\u006de":"b"})", "/name;"},
      {R"({"name":"a","more":{"x":1,"y":{"a/b":1,"c":[],"a/b":1}}})", "/more/y/a~1b;"},
      {R"({"name":"a","items":[{"x":[1,2]},{"x":[1,{"z":1,"z":1}]}]})", "/items/1/x/1/z;"},
      {R"({"name":"a","items":[{"":1,"":2}]})", "/items/0/;"},
      {R"({"unknown":1,"unknown":2})", "/unknown;"},
  };
  for (const auto& [text, expected] : cases) {
    const JsonBody body = read(text);
    EXPECT_FALSE(body.valid()) << text;
    EXPECT_EQ(pointers(body), expected) << text;
    EXPECT_FALSE(body.has("name")) << text;
  }
  const JsonBody body = read(R"({"name":"a","more":{"name":1},"items":[{"name":1},{"name":1}]})");
  EXPECT_TRUE(body.valid());
}

}  // namespace
}  // namespace dbgate::api
