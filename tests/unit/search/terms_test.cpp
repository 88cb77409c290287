#include "gateway/search/terms.h"

#include <random>

#include "gateway/search/block_builder.h"
#include "gateway/search/matcher.h"
#include "tests/unit/search/log_lab.h"

namespace dbgate::search {
namespace {

using ports::AuditField;
constexpr HashKey key{11, 22};

TEST(TermFilter, KnowsWhatIsInAndSeldomErrs) {
  std::mt19937_64 random(3);
  TermSet terms;
  std::vector<Term> in;
  for (int i = 0; i < 1000; ++i) {
    in.push_back(random());
    EXPECT_TRUE(terms.insert(in.back()));
    EXPECT_FALSE(terms.insert(in.back()));
  }
  terms.insert(0);
  const std::string filter = make_term_filter(terms);
  EXPECT_EQ(filter.size(), 2002u);
  for (const Term term : in)
    EXPECT_TRUE(may_have(filter, term));
  EXPECT_TRUE(may_have(filter, 0));
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i)
    wrong += may_have(filter, random()) ? 1 : 0;
  EXPECT_LT(wrong, 200);
  EXPECT_TRUE(may_have(any_term, 5));
  terms.clear();
  EXPECT_EQ(terms.size(), 0u);
  EXPECT_TRUE(terms.insert(in.front()));
}

std::string filter_of(LogLab& lab) {
  return BlockBuilder(key).build("w0", 1, 0, tests::read_file(lab.segment("w0", 1))).terms;
}

bool may_fit(const std::string& filter, std::vector<std::pair<AuditField, std::string>> fields) {
  for (const Term term : Matcher(is(std::move(fields))).terms(key))
    if (!may_have(filter, term)) return false;
  return true;
}

TEST(Terms, OfARecordAreFoundAloneAndTogether) {
  LogLab lab;
  lab.run({.user = "ana", .sql = "SELECT 1", .table = "public.customers"});
  lab.decide({.user = "bob", .sql = "DELETE 1", .effect = "deny", .table = "secrets", .rule = "default"});
  const std::string filter = filter_of(lab);
  using F = AuditField;
  for (const auto& fields : std::vector<std::vector<std::pair<F, std::string>>>{
           {{F::user, "ana"}},
           {{F::user, "ana"}, {F::target, "shop"}},
           {{F::object, "customers"}},
           {{F::object, "public.customers"}, {F::user, "ana"}},
           {{F::target, "shop"}, {F::object, "customers"}, {F::operation, "SELECT"}},
           {{F::effect, "deny"}, {F::user, "bob"}, {F::rule, "default"}},
           {{F::session, Said().session}, {F::effect, "deny"}},
           {{F::outcome, "ok"}, {F::user, "ana"}, {F::sqlstate, "00000"}},
           {{F::address, "192.0.2.7"}, {F::event, "statement.decided"}}})
    EXPECT_TRUE(may_fit(filter, fields));
  // Each of them is there, but in no record both.
  for (const auto& fields :
       std::vector<std::vector<std::pair<F, std::string>>>{{{F::user, "ana"}, {F::effect, "deny"}},
                                                           {{F::user, "bob"}, {F::object, "customers"}},
                                                           {{F::user, "bob"}, {F::outcome, "ok"}},
                                                           {{F::effect, "deny"}, {F::object, "customers"}},
                                                           {{F::user, "bob"}, {F::operation, "SELECT"}},
                                                           {{F::user, "eve"}},
                                                           {{F::object, "private.customers"}}})
    EXPECT_FALSE(may_fit(filter, fields));
}

TEST(Terms, AQueryHasOneWhereTimeDoesNotTellWhereItIs) {
  LogLab lab;
  const std::string here = lab.run({});
  const std::string elsewhere = "qry_01JD3K7V9QXW8N5T2R4M6P0ABC";
  lab.finish({}, elsewhere);
  const std::string filter = filter_of(lab);
  EXPECT_FALSE(may_have(filter, term_of(key, AuditField::query, here)));
  EXPECT_TRUE(may_have(filter, term_of(key, AuditField::query, elsewhere)));
}

TEST(Terms, ARecordWithVeryManyMakesTheBlockFitAnything) {
  LogLab lab;
  std::string fields;
  audit::append_field(fields, "user.name", std::string_view("ana"));
  fields += ",\"objects\":[\"a\"";
  for (int i = 0; i < 300; ++i)
    fields += ",\"t" + std::to_string(i) + "\"";
  lab.write("w0", "statement.decided", fields + "]");
  EXPECT_EQ(filter_of(lab), any_term);
}

TEST(Matcher, ComparesTextsNotBytes) {
  LogLab lab;
  const std::string line =
      lab.write("w0", "statement.decided", ",\"user.name\":\"a\\\"b\",\"db.query.text\":\"x\\nabc\"");
  Record record;
  ASSERT_TRUE(read_record(std::string_view(line).substr(0, line.size() - 1), record));
  EXPECT_TRUE(Matcher(is({{AuditField::user, "a\"b"}})).matches(record));
  EXPECT_FALSE(Matcher(is({{AuditField::user, "a\\\"b"}})).matches(record));
  const auto text = [&](const std::string& wanted) { return Matcher({{}, wanted, {}, {}}).matches(record); };
  EXPECT_TRUE(text("abc"));
  EXPECT_TRUE(text("\nabc"));
  EXPECT_FALSE(text("nabc"));
}

TEST(Matcher, AnIdBoundsTheTime) {
  const std::string id = "aud_01JD3K7V9QXW8N5T2R4M6P0ABC";
  const Matcher one(is({{AuditField::id, id}}));
  EXPECT_EQ(one.since_us(), time_of_id(id));
  EXPECT_EQ(one.until_us(), time_of_id(id) + 1000);
}

}  // namespace
}  // namespace dbgate::search
