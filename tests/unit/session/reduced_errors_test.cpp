#include "gateway/session/reduced_errors.h"

#include <gtest/gtest.h>

#include <tuple>

#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"

namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
using namespace std::string_view_literals;

std::string body_of(std::initializer_list<std::pair<char, std::string_view>> fields) {
  std::string body;
  for (const auto& [code, value] : fields)
    body += std::string(1, code) + std::string(value) + '\0';
  return body + '\0';
}

std::string shown(const std::string& message) {
  std::string text;
  for (const backend::ErrorField& field : backend::leading_fields(protocol::as_bytes(message).subspan(5)))
    text += std::string(1, field.code) + "=" + std::string(field.value) + "|";
  return text;
}

std::string reduced(const std::string& body) {
  const std::string message = reduced_error(protocol::as_bytes(body), false);
  EXPECT_TRUE(backend::ErrorResponse::decode(protocol::as_bytes(message).subspan(5)));
  return shown(message);
}

const std::string withheld = "H=dbgate withholds what the server said, because it could show more than you may see.|";

TEST(ReducedErrors, SayNothingOfValuesAndRows) {
  EXPECT_EQ(
      reduced(body_of({{'S', "ERROR"},
                       {'V', "ERROR"},
                       {'C', "23514"},
                       {'M', "new row violates check \"c\""},
                       {'D', "Failing row contains (1, 4111)."},
                       {'s', "shop"},
                       {'t', "customers"},
                       {'n', "c"},
                       {'F', "execMain.c"},
                       {'L', "1"},
                       {'R', "ExecConstraints"}})),
      "S=ERROR|V=ERROR|C=23514|M=a check constraint was violated|" + withheld + "F=execMain.c|L=1|R=ExecConstraints|");
  EXPECT_EQ(reduced(body_of({{'S', "ERROR"},
                             {'C', "22P02"},
                             {'M', "invalid input syntax for type integer: \"4111\""},
                             {'W', "COPY customers"}})),
            "S=ERROR|C=22P02|M=invalid input syntax|" + withheld);
  EXPECT_EQ(reduced(body_of({{'C', "P0001"}, {'M', "4111"}})), "C=P0001|M=a function raised an exception|" + withheld);
  EXPECT_EQ(reduced(body_of({{'C', "XX000"}, {'M', "4111"}})),
            "C=XX000|M=the statement failed with SQLSTATE XX000|" + withheld);
}

TEST(ReducedErrors, KeepWhatSpeaksOfTheStatement) {
  EXPECT_EQ(reduced(body_of({{'S', "ERROR"},
                             {'C', "42703"},
                             {'M', "column \"emial\" does not exist"},
                             {'H', "Perhaps you meant \"customers.email\"."},
                             {'P', "8"}})),
            "S=ERROR|C=42703|M=column \"emial\" does not exist|P=8|");
  EXPECT_EQ(reduced(body_of({{'C', "40001"}, {'M', "could not serialize access"}})),
            "C=40001|M=could not serialize access|");
}

// SELECT s::regclass FROM t fails with what stands in s.
TEST(ReducedErrors, NamesThatAreValuesAreNotTold) {
  for (const auto& [code, message, told] :
       {std::tuple("42P01", "relation \"4111\" does not exist", "a relation does not exist"),
        std::tuple("42703", "column \"4111\" of relation \"t\" does not exist", "a column does not exist"),
        std::tuple("3D000", "database \"4111\" does not exist", "a database does not exist"),
        std::tuple("0A000", "cross-database references are not implemented: \"4.1.1\"", "a feature is not supported"),
        std::tuple("42602", "invalid name syntax", "the statement failed with SQLSTATE 42602")})
    EXPECT_EQ(reduced(body_of({{'C', code}, {'M', message}})),
              std::string("C=") + code + "|M=" + told + "|" + withheld);
  const std::string_view plan = "cached plan must not change result type";
  EXPECT_EQ(reduced(body_of({{'C', "0A000"}, {'M', plan}, {'R', "RevalidateCachedQuery"}})),
            "C=0A000|M=cached plan must not change result type|R=RevalidateCachedQuery|");
}

TEST(ReducedErrors, OfABeginning) {
  const std::string whole = body_of({{'S', "ERROR"}, {'C', "42P01"}, {'M', std::string(1000, 'x')}});
  EXPECT_EQ(reduced(whole.substr(0, 100)), "S=ERROR|C=42P01|M=a relation does not exist|" + withheld);
  EXPECT_EQ(reduced(std::string()), "M=the statement failed with SQLSTATE |" + withheld);
}

TEST(ReducedErrors, NoticesOfFunctionsDoNotPass) {
  const auto passes = [](const std::string& body) { return notice_passes(protocol::as_bytes(body)); };
  EXPECT_TRUE(passes(body_of({{'S', "WARNING"}, {'C', "25P01"}, {'M', "there is no transaction in progress"}})));
  EXPECT_FALSE(passes(body_of({{'S', "NOTICE"}, {'C', "00000"}, {'M', "4111"}})));
  EXPECT_FALSE(passes(body_of({{'S', "NOTICE"}, {'C', "P0001"}, {'M', "4111"}})));
  EXPECT_FALSE(passes({}));
}

}  // namespace
}  // namespace dbgate::session
