#include "gateway/api/operations.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <set>

#include "gateway/api/pages.h"
#include "gateway/api/problem.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

const json::object& document() {
  static const json::value parsed = json::parse(openapi_json());
  return parsed.as_object();
}

struct Documented {
  std::string id;
  bool open = false;  // needs no credential
  bool deprecated = false;
  bool if_match = false;
  bool idempotent = false;
  bool websocket = false;
  bool role = false;
  std::string scope;
  bool tunnel = false;
};

bool has_parameter(const json::object& operation, std::string_view pointer_end) {
  const json::value* const list = operation.if_contains("parameters");
  if (list == nullptr) return false;
  for (const json::value& one : list->as_array()) {
    const json::value* const reference = one.as_object().if_contains("$ref");
    if (reference != nullptr && std::string_view(reference->as_string()).ends_with(pointer_end)) return true;
  }
  return false;
}

// As the file writes it; empty where no credential is needed.
std::string scope_of(const Operation& operation) {
  if (operation.access == Access::anybody) return "";
  if (operation.access == Access::role) return "admin";
  return operation.scope.empty() ? "any" : std::string(operation.scope);
}

std::map<std::string, Documented> documented() {
  std::map<std::string, Documented> all;
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [method, value] : item.as_object()) {
      std::string name(method);
      for (char& c : name)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      const json::object& operation = value.as_object();
      Documented one;
      one.id = std::string(operation.at("operationId").as_string());
      const json::value* const security = operation.if_contains("security");
      one.open = security != nullptr && security->as_array().empty();
      one.deprecated = operation.contains("deprecated") && operation.at("deprecated").as_bool();
      one.if_match = has_parameter(operation, "/IfMatch");
      one.idempotent = has_parameter(operation, "/IdempotencyKey");
      one.role = operation.contains("x-dbgate-role");
      const json::value* const scope = operation.if_contains("x-dbgate-scope");
      one.scope = scope == nullptr ? "" : std::string(scope->as_string());
      one.websocket = operation.at("responses").as_object().contains("101");
      one.tunnel = one.websocket &&
                   json::serialize(operation.at("responses").at("101")).find("dbgate-tunnel") != std::string::npos;
      all[name + " " + std::string(path)] = one;
    }
  }
  return all;
}

// Every route is in the file and the other way round, and they agree about what is asked of a request.
TEST(Operations, AreThoseOfTheOpenapiFile) {
  std::map<std::string, Documented> file = documented();
  std::set<std::string_view> ids;
  for (const Operation& operation : operations()) {
    const std::string name = std::string(operation.method) + " " + std::string(operation.path);
    ASSERT_TRUE(file.contains(name)) << name << " is served but not in api/openapi.yaml";
    const Documented& one = file[name];
    EXPECT_EQ(one.id, operation.id) << name;
    EXPECT_EQ(one.open, operation.access == Access::anybody) << name;
    EXPECT_EQ(one.deprecated, operation.farewell.deprecated > 0) << name;
    EXPECT_EQ(one.if_match, operation.demands(Demand::if_match)) << name;
    EXPECT_EQ(one.idempotent, operation.demands(Demand::idempotency_key)) << name;
    EXPECT_EQ(one.role, operation.access == Access::role) << name;
    EXPECT_EQ(one.scope, scope_of(operation)) << name;
    EXPECT_EQ(one.websocket, operation.demands(Demand::websocket)) << name;
    EXPECT_EQ(one.tunnel, operation.demands(Demand::tunnel)) << name;
    EXPECT_EQ(operation.access == Access::role, operation.roles != Role::none) << name;
    EXPECT_NE(operation.handler, nullptr) << name;
    EXPECT_TRUE(ids.insert(operation.id).second) << operation.id << " stands there twice";
    file.erase(name);
  }
  for (const auto& [name, one] : file)
    ADD_FAILURE() << name << " is in api/openapi.yaml but not served";
}

TEST(Operations, AreFoundByTheirOwnPaths) {
  const Router router(operations());
  for (const Operation& operation : operations()) {
    std::string path(operation.path);
    for (const auto& [parameter, value] :
         {std::pair<std::string, std::string>{"{id}", "ses_01JD3K7V9QXW8N5T2R4M6P0ABC"},
          {"{number}", "1"},
          {"{code}", "not_found"}}) {
      if (const std::size_t at = path.find(parameter); at != std::string::npos)
        path.replace(at, parameter.size(), value);
    }
    EXPECT_EQ(router.find(operation.method, path).operation, &operation) << path;
  }
}

// api/make.py compares the codes; this is about what the table says of each.
TEST(Operations, ProblemsHaveAStatusAndAPage) {
  std::set<std::string_view> codes;
  for (const ProblemKind& kind : problem_kinds()) {
    EXPECT_TRUE(codes.insert(kind.code).second) << kind.code;
    EXPECT_TRUE(kind.status >= 400 && kind.status < 600) << kind.code;
    EXPECT_NE(problem_page(kind.code).find(kind.title), std::string::npos) << kind.code;
  }
  EXPECT_EQ(problem_page("nothing"), "");
}

}  // namespace
}  // namespace dbgate::api
