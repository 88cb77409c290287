#include "gateway/api/router.h"

#include <gtest/gtest.h>

namespace dbgate::api {
namespace {

const Operation table[] = {
    {.method = "GET", .path = "/api/v1/things", .id = "list"},
    {.method = "GET", .path = "/api/v1/things/{name}", .id = "show"},
    {.method = "DELETE", .path = "/api/v1/things/{name}", .id = "drop"},
    {.method = "GET", .path = "/api/v1/things/all", .id = "all"},
    {.method = "GET", .path = "/api/v1/things/{name}/parts/{id}", .id = "part"},
    {.method = "GET", .path = "/api/v1/versions/{number}", .id = "version"},
    {.method = "GET", .path = "/problems/{code}", .id = "problem"},
};

class Routing : public ::testing::Test {
 protected:
  Route find(std::string_view method, std::string_view path) const { return router.find(method, path); }
  std::string id(std::string_view path, std::string_view method = "GET") const {
    const Route route = find(method, path);
    return route.outcome == Route::Outcome::found ? std::string(route.operation->id) : "";
  }
  const Router router{table};
};

TEST_F(Routing, FindsOperationsAndTheirParameters) {
  EXPECT_EQ(id("/api/v1/things"), "list");
  EXPECT_EQ(id("/api/v1/things/a", "DELETE"), "drop");
  const Route route = find("GET", "/api/v1/things/a%20b%C3%A4/parts/prt_01JD3K7V9QXW8N5T2R4M6P0ABC");
  ASSERT_EQ(route.outcome, Route::Outcome::found);
  EXPECT_EQ(route.parameters, (std::vector<std::string>{"a bä", "prt_01JD3K7V9QXW8N5T2R4M6P0ABC"}));
  EXPECT_EQ(route.operation->position_of("id"), 1u);
}

TEST_F(Routing, WrittenOutNamesComeFirst) {
  EXPECT_EQ(id("/api/v1/things/all"), "all");
  EXPECT_EQ(find("DELETE", "/api/v1/things/all").outcome, Route::Outcome::no_method);
}

TEST_F(Routing, HeadIsGetAndOptionsTellsTheMethods) {
  EXPECT_EQ(id("/api/v1/things", "HEAD"), "list");
  EXPECT_EQ(find("OPTIONS", "/api/v1/things/a").outcome, Route::Outcome::options);
  EXPECT_EQ(find("OPTIONS", "/api/v1/things/a").allow, "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(find("POST", "/api/v1/things/a").outcome, Route::Outcome::no_method);
  EXPECT_EQ(find("POST", "/api/v1/things/a").allow, "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(find("get", "/api/v1/things").outcome, Route::Outcome::no_method) << "methods are case-sensitive";
}

TEST_F(Routing, NothingIsReachedByDetours) {
  for (const char* path : {"/api/v1/things/", "/api/v1//things", "//api/v1/things", "/api/v1/things/..",
                           "/api/v1/x/../things", "/api/v1/./things", "/api/v1/things/%2e%2e", "/api/v1/things/%2E",
                           "/api/v1%2Fthings", "/api/v1/things/a%2Fb", "/api/v1/things%2F..", "/API/v1/things",
                           "/api/v1/things;x", "", "api/v1/things", "*", "/", "/api/v1/things/a/parts"}) {
    EXPECT_EQ(find("GET", path).outcome, Route::Outcome::no_path) << path;
  }
}

TEST_F(Routing, BrokenPathsAreMalformed) {
  for (const char* path :
       {"/api/v1/things/%", "/api/v1/things/%2", "/api/v1/things/%zz", "/api/v1/things/%00", "/api/v1/things/%0d%0a",
        "/api/v1/things/%ff", "/api/v1/things/%C0%AF", "/api/v1/things/%ED%A0%80", "/api/v1/things/%7F", "/%%30%30"}) {
    EXPECT_EQ(find("GET", path).outcome, Route::Outcome::malformed) << path;
  }
}

TEST_F(Routing, EscapesAreDecodedOnce) {
  EXPECT_EQ(find("GET", "/api/v1/things/%252e%252e").parameters.front(), "%2e%2e");
  EXPECT_EQ(find("GET", "/api/v1/things/%252F").parameters.front(), "%2F");
}

TEST_F(Routing, ParametersFitTheirKind) {
  EXPECT_EQ(id("/api/v1/things/" + std::string(128, 'a')), "show");
  EXPECT_EQ(id("/api/v1/things/" + std::string(129, 'a')), "");
  EXPECT_EQ(find("GET", "/api/v1/things/" + std::string(3000, 'a')).outcome, Route::Outcome::no_path);
  EXPECT_EQ(id("/api/v1/versions/123456789"), "version");
  for (const char* path : {"/api/v1/versions/1234567890", "/api/v1/versions/-1", "/api/v1/versions/1a", "/problems/A",
                           "/problems/a-b", "/api/v1/things/a/parts/prt_01JD3K7V9QXW8N5T2R4M6P0AB",
                           "/api/v1/things/a/parts/PRT_01JD3K7V9QXW8N5T2R4M6P0ABC", "/api/v1/things/a/parts/01JD"}) {
    EXPECT_EQ(find("GET", path).outcome, Route::Outcome::no_path) << path;
  }
}

}  // namespace
}  // namespace dbgate::api
