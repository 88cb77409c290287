#include "gateway/api/listing.h"

#include <gtest/gtest.h>

#include "fakes.h"
#include "gateway/api/text.h"
#include "gateway/base/utf8.h"

namespace dbgate::api {
namespace {

const Operation list_operation{.method = "GET", .path = "/list", .id = "list"};
const ListOffer offer{.sorts = {"name", "started_at"}, .filters = {"user"}, .times = true};
const Cursors cursors("secret");

Request ask(std::string query, std::string user = "ana") {
  Request request;
  request.path = "/list";
  request.query = std::move(query);
  request.operation = &list_operation;
  request.caller = Caller{.user = std::move(user), .token_id = {}, .credential = {}, .groups = {}};
  return request;
}

std::string code(std::string query) {
  Response refused;
  const Request request = ask(std::move(query));
  return read_list_query(request, cursors, offer, refused) ? "" : code_of(refused);
}

TEST(ListQuery, ReadsEverythingOnce) {
  Response refused;
  const auto query = read_list_query(
      ask("limit=500&sort=-started_at&user=a%20b+c&since=2026-11-21T05:04:03Z&until=2026-11-21T05:04:03.5Z"), cursors,
      offer, refused);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->limit, 500u);
  EXPECT_EQ(query->sort, "started_at");
  EXPECT_TRUE(query->descending);
  EXPECT_EQ(*query->filter("user"), "a b c");
  EXPECT_EQ(query->filter("name"), nullptr);
  EXPECT_EQ(*query->until_us - *query->since_us, 500'000);
  const auto plain = read_list_query(ask(""), cursors, offer, refused);
  EXPECT_EQ(plain->limit, 50u);
  EXPECT_EQ(plain->sort, "name");
}

TEST(ListQuery, RefusesWhatItDoesNotKnow) {
  for (const char* query : {"limit=0",
                            "limit=501",
                            "limit=",
                            "limit=1x",
                            "limit=-1",
                            "limit=99999999999999999999",
                            "sort=other",
                            "sort=--name",
                            "sort=",
                            "since=yesterday",
                            "since=2026-11-21",
                            "since=2026-13-21T05:04:03Z",
                            "since=2026-11-21T24:04:03Z",
                            "since=2026-11-21T05:04:03%2B01:00",
                            "limit=1&limit=1",
                            "other=1",
                            "user=%zz",
                            "user=%00",
                            "=1",
                            "user=%ff"}) {
    EXPECT_EQ(code(query), "bad_request") << query;
  }
}

TEST(Cursors, OpenOnlyWhatTheySigned) {
  Response refused;
  Request request = ask("sort=name&user=x&limit=2");
  const auto first = read_list_query(request, cursors, offer, refused);
  const Response page = list_response(request, cursors, *first, {"1", "2"}, "key/2");
  const std::string cursor(parsed(page).at("next_cursor").as_string());
  EXPECT_EQ(page.headers.get("Link"), "</list?sort=name&user=x&limit=2&cursor=" + cursor + ">; rel=\"next\"");
  EXPECT_EQ(cursor.find("key"), std::string::npos);
  const auto opened = [&](std::string query, std::string user = "ana", const Cursors& by = cursors) {
    const auto read = read_list_query(ask(std::move(query), std::move(user)), by, offer, refused);
    return read ? read->last : code_of(refused);
  };
  EXPECT_EQ(opened("sort=name&user=x&cursor=" + cursor), "key/2");
  EXPECT_EQ(opened("cursor=" + cursor + "&user=x&limit=500&sort=name"), "key/2") << "in any order, of any size";
  EXPECT_EQ(opened("sort=-name&user=x&cursor=" + cursor), "invalid_cursor");
  EXPECT_EQ(opened("sort=name&user=y&cursor=" + cursor), "invalid_cursor");
  EXPECT_EQ(opened("sort=name&cursor=" + cursor), "invalid_cursor");
  EXPECT_EQ(opened("sort=name&user=x&cursor=" + cursor, "eve"), "invalid_cursor") << "of another user";
  EXPECT_EQ(opened("sort=name&user=x&cursor=" + cursor, "ana", Cursors("other")), "invalid_cursor");
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    std::string broken = cursor;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(opened("sort=name&user=x&cursor=" + broken), "invalid_cursor") << i;
  }
  for (const char* text : {"", "A", "AAAA", "%2B", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    EXPECT_EQ(opened(std::string("cursor=") + text), "invalid_cursor") << text;
}

TEST(Cursors, PagesOfTargetsAreAllOfThem) {
  Stage stage;
  std::string names;
  std::string query;
  for (int pages = 0; pages < 5; ++pages) {
    const auto page = parsed(stage.answer("GET", "/api/v1/targets?limit=1" + query));
    for (const auto& item : page.at("items").as_array())
      names += std::string(item.as_object().at("name").as_string());
    if (page.at("next_cursor").is_null()) break;
    query = "&cursor=" + std::string(page.at("next_cursor").as_string());
  }
  EXPECT_EQ(names, "abc");
  const auto back = parsed(stage.answer("GET", "/api/v1/targets?sort=-name"));
  EXPECT_EQ(back.at("items").as_array().front().as_object().at("name").as_string(), "c");
}

TEST(ReadForm, IsStrict) {
  Request request;
  request.content_type = "application/x-www-form-urlencoded; charset=UTF-8";
  request.body = "grant_type=refresh_token&refresh_token=dbg_rt_a%2Bb+c";
  const auto fields = read_form(request);
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->back(), (std::pair<std::string, std::string>{"refresh_token", "dbg_rt_a+b c"}));
  for (const char* body : {"a=1&a=2", "a=%zz", "a=%00", "a=%ff"}) {
    request.body = body;
    EXPECT_FALSE(read_form(request)) << body;
  }
  request.content_type = "application/json";
  request.body = "a=1";
  EXPECT_FALSE(read_form(request));
}

TEST(Text, Base64urlIsExact) {
  for (const std::string& bytes :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"), std::string("\xff\x00\xfe", 3)})
    EXPECT_EQ(decode_base64url(encode_base64url(bytes)), bytes);
  EXPECT_FALSE(decode_base64url("QR")) << "bits left over";
  EXPECT_FALSE(decode_base64url("Q"));
  EXPECT_FALSE(decode_base64url("QQ=="));
  EXPECT_FALSE(decode_base64url("Q+"));
}

TEST(Text, Utf8IsWellFormed) {
  for (const char* good : {"", "a", "ä", "€", "𝄞", "\x7f"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xe2\x82", "a\xff"})
    EXPECT_FALSE(is_utf8(bad));
}

}  // namespace
}  // namespace dbgate::api
