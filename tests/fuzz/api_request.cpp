// Input: a byte of choices, the target of a request, NUL, its body: as a gateway's API reads them before anybody is
// asked.
#include <boost/json.hpp>

#include "gateway/api/json_body.h"
#include "gateway/api/json_duplicates.h"
#include "gateway/api/listing.h"
#include "gateway/api/operations.h"
#include "gateway/api/query_answers.h"
#include "gateway/api/router.h"
#include "tests/fuzz/check.h"

namespace {

using namespace dbgate;
using namespace dbgate::api;

constexpr std::string_view methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get"};

// Members of every kind; what the body has under their names is what the description says.
const std::vector<Member>& members() {
  static const std::vector<Member> all = {
      member::text("a", 1, 8).optional(),       member::secret("b", 0, 8).optional().nullable(),
      member::whole("c", -2, 500).optional(),   member::boolean("d").optional(),
      member::word("e", {"f", "g"}).optional(), member::texts("h", 1, 3, 4).optional(),
      member::values("i", 0, 3).optional(),     member::object("j").optional(),
      member::objects("k", 0, 2).optional(),    member::sql("sql").optional()};
  return all;
}

void check_body(const Request& request, bool merge_patch) {
  const JsonBody body(request, members(), merge_patch);
  if (!body.valid()) {
    DBGATE_FUZZ_CHECK(body.refused(request).status >= 400);
    return;
  }
  boost::system::error_code failed;
  const auto parsed = boost::json::parse(request.body, failed);
  DBGATE_FUZZ_CHECK(!failed && parsed.is_object());
  DBGATE_FUZZ_CHECK(!find_duplicate(request.body));
  for (const auto& [name, value] : parsed.as_object())
    DBGATE_FUZZ_CHECK(body.has(name));
  DBGATE_FUZZ_CHECK(body.text("a").size() <= 32);
  DBGATE_FUZZ_CHECK(body.whole("c", 0) >= -2 && body.whole("c", 0) <= 500);
  DBGATE_FUZZ_CHECK(body.texts("h").size() <= 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::as_text(data, size).substr(1);
  const std::size_t cut = text.find('\0');
  const std::string_view target = text.substr(0, cut);
  const std::size_t question = target.find('?');
  Request request;
  request.method = methods[data[0] & 7];
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  if (cut != std::string_view::npos) request.body = text.substr(cut + 1);

  static const Router router(operations());
  const Route route = router.find(request.method, request.path);
  DBGATE_FUZZ_CHECK((route.outcome == Route::Outcome::found) == (route.operation != nullptr));

  // As the dispatcher leaves it: an operation is known, and who asks.
  request.operation = route.operation != nullptr ? route.operation : &operations().front();
  request.caller = Caller{};
  static const Cursors cursors("a secret that no input has");
  static const ListOffer offer{{"name", "created"}, {"user", "target"}, true};
  Response refused;
  const auto list = read_list_query(request, cursors, offer, refused);
  DBGATE_FUZZ_CHECK(!list || (list->last.empty() && list->limit >= 1));
  static_cast<void>(read_query(request, {"code", "state"}, refused));
  static_cast<void>(read_any_query(request));

  request.content_type = "application/x-www-form-urlencoded";
  static_cast<void>(read_form(request));
  request.content_type = (data[0] & 8) != 0 ? "application/merge-patch+json" : "application/json";
  check_body(request, (data[0] & 8) != 0);
  static_cast<void>(read_statement(request.body));
  return 0;
}
