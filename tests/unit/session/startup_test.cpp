#include "gateway/session/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "protocol/postgres/field_writer.h"

namespace dbgate::session {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string code_of(const Result<>& result) {
  return result ? "00000" : std::string(result.error().code().text());
}

std::string joined(std::string_view options) {
  const auto settings = parse_options(options);
  if (!settings) return "error " + std::string(settings.error().code().text());
  std::string text;
  for (const auto& [name, value] : *settings)
    text += (text.empty() ? "" : "|") + name + "=" + value;
  return text;
}

TEST(ParseOptions, SplitsAsTheServerDoes) {
  EXPECT_EQ(joined(""), "");
  EXPECT_EQ(joined(" \t\n"), "");
  EXPECT_EQ(joined("-c geqo=off"), "geqo=off");
  EXPECT_EQ(joined("  -c   geqo=off  -cjit=on --DateStyle=ISO "), "geqo=off|jit=on|datestyle=ISO");
  EXPECT_EQ(joined("--search-path=a,b"), "search_path=a,b");
  EXPECT_EQ(joined("-c application_name=a\\ b\\\\c"), "application_name=a b\\c");
  EXPECT_EQ(joined("-c x="), "x=");
  EXPECT_EQ(joined("-c x=a=b"), "x=a=b");
  EXPECT_EQ(joined("-c\\ x=1"), " x=1");  // an escaped blank belongs to the word
}

TEST(ParseOptions, RefusesWhatItDoesNotKnow) {
  for (const char* options : {"-c", "-c x", "--x", "geqo=off", "-d 3", "-e", "-O", "-i", "-S 64", "-f ni", "- c x=1",
                              "-", "-c x=1 y=2", "-c x=1 -", "--", "-- -c x=1"})
    EXPECT_EQ(joined(options), "error 22023") << options;
}

TEST(CheckSetting, HarmlessOnesOnly) {
  for (const char* name : {"application_name", "Application_Name", "DateStyle", "TimeZone", "extra_float_digits",
                           "statement_timeout", "client_min_messages", "geqo"})
    EXPECT_EQ(code_of(check_setting(name, "x")), "00000") << name;
  for (const char* name : {"search_path", "role", "session_authorization", "row_security", "session_replication_role",
                           "shared_preload_libraries", "local_preload_libraries", "default_transaction_read_only",
                           "log_statement", "dbgate.user", "backslash_quote", "dynamic_library_path",
                           "temp_tablespaces", "", " timezone", "timezone ", "time zone", "application_nam\xc3\xa9",
                           "\xc5\xbf"  // folds to s in some locales
                           "tatement_timeout"})
    EXPECT_EQ(code_of(check_setting(name, "x")), "42501") << name;
}

TEST(CheckSetting, NamesTheSetting) {
  const auto refused = check_setting("Search_Path", "secret");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "setting \"search_path\" may not be given when connecting");
}

TEST(CheckSetting, EncodingAndLiteralsAreFixed) {
  for (const char* value : {"UTF8", "utf-8", "Utf_8", "'utf-8'", "unicode", "UNICODE"})
    EXPECT_EQ(code_of(check_setting("client_encoding", value)), "00000") << value;
  for (const char* value : {"SQL_ASCII", "LATIN1", "SJIS", "GB18030", "BIG5", "", "auto", "UTF16", "utf8x"})
    EXPECT_EQ(code_of(check_setting("Client_Encoding", value)), "22023") << value;
  EXPECT_EQ(code_of(check_setting("standard_conforming_strings", "on")), "00000");
  EXPECT_EQ(code_of(check_setting("Standard_Conforming_Strings", "ON")), "00000");
  for (const char* value : {"off", "0", "false", "", "on ", "of"})
    EXPECT_EQ(code_of(check_setting("standard_conforming_strings", value)), "42501") << value;
}

/// A packet without a type byte: length, code, text.
std::string packet(std::int32_t code, std::string_view rest = {}) {
  std::string out;
  protocol::FieldWriter writer(out);
  writer.int32(static_cast<std::int32_t>(rest.size() + 8));
  writer.int32(code);
  out += rest;
  return out;
}
constexpr std::int32_t version3 = 3 << 16;
const std::string ssl_request = packet(80877103);
const std::string gss_request = packet(80877104);

struct Answer {
  std::optional<Result<StartupRequest>> result;
  std::string said;
  std::string code() const { return *result ? "00000" : std::string(result->error().code().text()); }
  std::string message() const { return *result ? "" : result->error().message(); }
};

/// Lets the gateway read `bytes`, after which the client says no more.
Answer connect(std::string_view bytes, const StartupRules& rules = {}) {
  Answer answer;
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EXPECT_EQ(::send(ends[1], bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  ::shutdown(ends[1], SHUT_WR);
  {
    boost::asio::io_context context;
    net::Stream stream(context, ends[0]);
    boost::asio::co_spawn(context, read_startup(stream, rules),
                          [&answer](const std::exception_ptr& failed, Result<StartupRequest> result) {
                            EXPECT_FALSE(failed);
                            answer.result = std::move(result);
                          });
    context.run();
  }
  char buffer[256];
  for (ssize_t got = 0; (got = ::recv(ends[1], buffer, sizeof buffer, 0)) > 0;)
    answer.said.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[1]);
  EXPECT_TRUE(answer.result);
  return answer;
}

TEST(ReadStartup, ASession) {
  const Answer answer = connect(packet(version3,
                                       "user\0alice\0database\0shop\0application_name\0psql\0DateStyle\0ISO\0"
                                       "client_encoding\0UTF8\0_pq_.test\0001\0\0"s));
  ASSERT_TRUE(*answer.result);
  const StartupRequest& request = **answer.result;
  EXPECT_EQ(request.kind, StartupRequest::Kind::session);
  EXPECT_EQ(request.user, "alice");
  EXPECT_EQ(request.database, "shop");
  EXPECT_EQ(request.application_name, "psql");
  EXPECT_FALSE(request.replication);
  EXPECT_THAT(request.settings, ElementsAre(Pair("datestyle", "ISO"), Pair("client_encoding", "UTF8")));
  EXPECT_THAT(request.unknown_options, ElementsAre("_pq_.test"));
  EXPECT_EQ(request.minor_version, 0);
  EXPECT_EQ(answer.said, "");
}

TEST(ReadStartup, TheDatabaseIsCalledAsTheUserUnlessSaid) {
  const Answer answer = connect(packet(version3 + 2, "user\0alice\0\0"s));
  ASSERT_TRUE(*answer.result);
  EXPECT_EQ((*answer.result)->database, "alice");
  EXPECT_EQ((*answer.result)->minor_version, 2);
}

TEST(ReadStartup, OptionsAreParametersInAnotherForm) {
  const Answer fine = connect(packet(version3, "user\0a\0options\0-c geqo=off --statement-timeout=5s\0\0"s));
  ASSERT_TRUE(*fine.result);
  EXPECT_THAT((*fine.result)->settings, ElementsAre(Pair("geqo", "off"), Pair("statement_timeout", "5s")));
  const Answer asked = connect(packet(version3, "user\0a\0options\0-c Search_Path=x,y\0work_mem\0001MB\0\0"s));
  ASSERT_TRUE(*asked.result);
  EXPECT_THAT((*asked.result)->settings, IsEmpty());
  EXPECT_THAT((*asked.result)->settings_to_judge, ElementsAre(Pair("search_path", "x,y"), Pair("work_mem", "1MB")));
  EXPECT_EQ(connect(packet(version3, "user\0a\0options\0-c dbgate.user_x=1\0\0"s)).code(), "42501");
  EXPECT_EQ(connect(packet(version3, "user\0a\0local_preload_libraries\0x\0\0"s)).code(), "42501");
  EXPECT_EQ(connect(packet(version3, "user\0a\0options\0-c ROLE=postgres\0\0"s)).code(), "42501");
  EXPECT_EQ(connect(packet(version3, "user\0a\0options\0--session-authorization=x\0\0"s)).code(), "42501");
  EXPECT_EQ(connect(packet(version3, "user\0a\0options\0-d 5\0\0"s)).code(), "22023");
}

// The server is told the principal's name there; a client must not be able to put its own in the place.
TEST(ReadStartup, TheApplicationNameIsNeverASetting) {
  const Answer answer = connect(packet(version3, "user\0a\0options\0-c Application_Name=root\0\0"s));
  ASSERT_TRUE(*answer.result);
  EXPECT_THAT((*answer.result)->settings, IsEmpty());
  EXPECT_EQ((*answer.result)->application_name, "root");
}

TEST(ReadStartup, Replication) {
  struct Case {
    const char* value;
    bool on;
    const char* passed;
  };
  for (const Case& c : {Case{"false", false, ""},
                        {"OFF", false, ""},
                        {"no", false, ""},
                        {"0", false, ""},
                        {"true", true, "true"},
                        {"1", true, "true"},
                        {"Database", true, "database"},
                        {"whatever", true, "true"},
                        {"", true, "true"}}) {
    const Answer answer = connect(packet(version3, "user\0a\0replication\0"s + c.value + "\0\0"s));
    ASSERT_TRUE(*answer.result) << c.value;
    EXPECT_EQ((*answer.result)->replication, c.on) << c.value;
    EXPECT_EQ((*answer.result)->replication_value, c.passed) << c.value;
  }
}

TEST(ReadStartup, ParametersHaveTheLastWordOverOptions) {
  for (const std::string& rest :
       {"options\0-c TimeZone=Asia/Tokyo\0TimeZone\0UTC\0"s, "TimeZone\0UTC\0options\0-c TimeZone=Asia/Tokyo\0"s}) {
    const Answer answer = connect(packet(version3, "user\0a\0"s + rest + "\0"s));
    ASSERT_TRUE(*answer.result) << rest;
    EXPECT_THAT((*answer.result)->settings, ElementsAre(Pair("timezone", "Asia/Tokyo"), Pair("timezone", "UTC")))
        << rest;
  }
  const Answer named = connect(packet(version3, "user\0a\0application_name\0b\0options\0-c application_name=c\0\0"s));
  ASSERT_TRUE(*named.result);
  EXPECT_EQ((*named.result)->application_name, "b");
}

TEST(ReadStartup, AnEncodingInOptionsDoesNotCountBesideAParameter) {
  for (const std::string& rest : {"options\0-c client_encoding=LATIN1\0Client_Encoding\0UTF8\0"s,
                                  "client_encoding\0utf-8\0options\0--client-encoding=SQL_ASCII\0"s})
    EXPECT_EQ(connect(packet(version3, "user\0a\0"s + rest + "\0"s)).code(), "00000") << rest;
  EXPECT_EQ(connect(packet(version3, "user\0a\0options\0-c client_encoding=LATIN1\0\0"s)).code(), "22023");
  EXPECT_EQ(connect(packet(version3, "user\0a\0client_encoding\0LATIN1\0options\0-c client_encoding=UTF8\0\0"s)).code(),
            "22023");
}

TEST(ReadStartup, RefusesMalformedPackets) {
  for (const std::string& rest : {""s, "user\0"s, "user"s, "user\0alice"s, "user\0alice\0"s,
                                  "user\0alice\0database\0\0"s, "user\0a\0\0x"s, "user\0a\0\0\0"s})
    EXPECT_EQ(connect(packet(version3, rest)).code(), "08P01") << rest;
  EXPECT_THAT(connect(packet(version3, "user\0a\0USER\0b\0\0"s)).message(), HasSubstr("given twice"));
  EXPECT_THAT(connect(packet(version3, "user\0a\0user\0a\0\0"s)).message(), HasSubstr("given twice"));
  EXPECT_THAT(connect(packet(version3, "user\0a\0geqo\0on\0GEQO\0off\0\0"s)).message(), HasSubstr("given twice"));
  EXPECT_EQ(connect(packet(version3, "\0"s)).code(), "28000");
  EXPECT_EQ(connect(packet(version3, "user\0\0\0"s)).code(), "28000");
  EXPECT_EQ(connect(packet(version3, "database\0x\0\0"s)).code(), "28000");
}

TEST(ReadStartup, RefusesSettingsThatAreNotHarmless) {
  EXPECT_EQ(connect(packet(version3, "user\0a\0role\0x\0\0"s)).code(), "42501");
  EXPECT_EQ(connect(packet(version3, "user\0a\0client_encoding\0LATIN1\0\0"s)).code(), "22023");
  EXPECT_EQ(connect(packet(version3, "user\0a\0User\0b\0\0"s)).code(), "08P01");
}

TEST(ReadStartup, WhatThePacketSaysOfItselfIsNoSetting) {
  for (const std::string& rest :
       {"OPTIONS\0-c role=x\0"s, "Replication\0database\0"s, "User\0b\0"s, "_PQ_.a\0b\0"s,
        "options\0-c options=-crole=x\0"s, "options\0--OPTIONS=--role=x\0"s, "options\0-c database=other\0"s,
        "options\0--user=b\0"s, "options\0-creplication=1\0"s, "options\0--_pq_.a=b\0"s, "Database\0other\0"s}) {
    const std::string user = rest.starts_with("User") ? "" : "user\0a\0"s;
    EXPECT_EQ(connect(packet(version3, user + rest + "\0"s)).code(), "42501") << rest;
  }
}

TEST(ReadStartup, OtherVersions) {
  EXPECT_THAT(connect(packet(2 << 16, "x"s)).message(), HasSubstr("unsupported frontend protocol 2.0"));
  EXPECT_EQ(connect(packet(4 << 16)).code(), "0A000");
  EXPECT_EQ(connect(packet(80877105)).code(), "0A000");
  const Answer newer = connect(packet(version3 + 99, "user\0a\0\0"s));
  ASSERT_TRUE(*newer.result);
  EXPECT_EQ((*newer.result)->minor_version, 99);
}

// Nothing is said to what does not speak the protocol, and nothing is awaited that will be refused anyway.
TEST(ReadStartup, SilentToStrangers) {
  for (const std::string& bytes : {""s, "G"s, "GET / HTTP/1.1\r\n\r\n"s, "\0\0\0"s, "\0\0\0\x07\0\x03\0"s,
                                   "\0\0\x27\x11\0\x03\0\0"s, "\xff\xff\xff\xff\0\x03\0\0"s, "\x16\x03\x01"s}) {
    const Answer answer = connect(bytes);
    EXPECT_EQ(answer.code(), "08P01");
    EXPECT_EQ(answer.message(), "");
    EXPECT_EQ(answer.said, "");
  }
}

TEST(ReadStartup, EveryPrefixEndsQuietly) {
  const std::string whole = ssl_request + gss_request + packet(version3, "user\0alice\0geqo\0off\0\0"s);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Answer answer = connect(std::string_view(whole).substr(0, length));
    EXPECT_EQ(answer.message(), "") << length;
    EXPECT_FALSE(*answer.result) << length;
  }
  EXPECT_TRUE(*connect(whole).result);
}

TEST(ReadStartup, AnyChangedByteGivesAnAnswer) {
  const std::string whole = packet(version3, "user\0alice\0options\0-c geqo=off\0\0"s);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bits = 1; bits < 256; bits <<= 1) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ bits);
      connect(damaged);
    }
  }
}

TEST(ReadStartup, DeclinesEncryptionThatItDoesNotHave) {
  const std::string startup = packet(version3, "user\0a\0\0"s);
  for (const std::string& requests : {ssl_request + gss_request, gss_request + ssl_request}) {
    const Answer answer = connect(requests + startup);
    EXPECT_TRUE(*answer.result);
    EXPECT_EQ(answer.said, "NN");
  }
  const Answer twice = connect(ssl_request + ssl_request + startup);
  EXPECT_EQ(twice.code(), "08P01");
  EXPECT_EQ(twice.said, "N");
  EXPECT_EQ(connect(gss_request + gss_request + startup).code(), "08P01");
}

TEST(ReadStartup, InsistsOnTls) {
  StartupRules rules;
  rules.require_tls = true;
  EXPECT_EQ(connect(packet(version3, "user\0a\0\0"s), rules).code(), "28000");
  EXPECT_EQ(connect(ssl_request + packet(version3, "user\0a\0\0"s), rules).code(), "28000");
}

TEST(ReadStartup, ACancelRequest) {
  const Answer answer = connect(packet(80877102, "\0\0\x12\x67"s + "key!"));
  ASSERT_TRUE(*answer.result);
  EXPECT_EQ((*answer.result)->kind, StartupRequest::Kind::cancel);
  EXPECT_EQ((*answer.result)->pid, 4711);
  EXPECT_EQ((*answer.result)->cancel_key, "key!");
  EXPECT_EQ((*connect(packet(80877102, "\0\0\0\1"s + std::string(256, 'k'))).result)->cancel_key.size(), 256u);
  for (const std::string& rest : {""s, "\0\0\0"s, "\0\0\0\1"s, "\0\0\0\1key"s, "\0\0\0\1"s + std::string(257, 'k')}) {
    const Answer refused = connect(packet(80877102, rest));
    EXPECT_FALSE(*refused.result);
    EXPECT_EQ(refused.message(), "");  // a wrong key gives no answer, so a malformed one gives none
  }
}

}  // namespace
}  // namespace dbgate::session
