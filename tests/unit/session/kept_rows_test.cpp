#include "gateway/session/kept_rows.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <vector>

#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frame.h"

namespace dbgate::session {
namespace {

using Row = std::vector<std::optional<std::string>>;

std::string encoded(const Row& row) {
  std::vector<protocol::Value> values;
  for (const auto& value : row)
    values.push_back(value ? protocol::Value(protocol::as_bytes(*value)) : protocol::Value());
  std::string storage, message;
  protocol::backend::DataRow data;
  data.columns = protocol::Repeated<protocol::Value>::lay_out(values, storage);
  data.encode(message);
  return message.substr(protocol::MessageHeader::bytes);
}

void add(KeptRows& kept, const Row& row) {
  const std::string body = encoded(row);
  kept.wants(body.size()) ? kept.add_row(protocol::as_bytes(body)) : kept.cut();
}

TEST(KeptRows, AreWhatTheClientSaw) {
  KeptRows kept(10, 1024);
  EXPECT_EQ(kept.json(), "");
  add(kept, {"1", std::nullopt, "", "a \"b\"\n\t", "žluť"});
  add(kept, {std::string("\0\0\0\1", 4), "\xff\xfe", "\x1b[0m"});
  add(kept, {});
  EXPECT_EQ(kept.json(),
            R"([["1",null,"","a \"b\"\n\t","žluť"],[{"hex":"00000001"},{"hex":"fffe"},{"hex":"1b5b306d"}],[]])");
  EXPECT_FALSE(kept.is_cut());
}

TEST(KeptRows, LinesOfCopyAreRows) {
  KeptRows kept(10, 1024);
  for (const std::string line : {"1\tx\n", "2\t\\N\n"})
    kept.add_line(protocol::as_bytes(line));
  EXPECT_EQ(kept.json(), R"([["1\tx"],["2\t\\N"]])");
}

TEST(KeptRows, AreSoManyAndNoMore) {
  KeptRows kept(2, 1024);
  add(kept, {"1"});
  add(kept, {"2"});
  EXPECT_FALSE(kept.is_cut()) << "as far as is known";
  add(kept, {"3"});
  EXPECT_EQ(kept.json(), R"([["1"],["2"]])");
  EXPECT_TRUE(kept.is_cut());
}

TEST(KeptRows, AreSoLongAndNoLonger) {
  for (std::size_t length = 0; length < 200; ++length) {
    KeptRows kept(100, 100);
    for (int i = 0; i < 5; ++i)
      add(kept, {std::string(length, i % 2 == 0 ? 'x' : '\1')});
    EXPECT_LE(kept.json().size(), 100u);
    const std::size_t rows = kept.json().empty() ? 0 : boost::json::parse(kept.json()).as_array().size();
    EXPECT_EQ(kept.is_cut(), rows < 5) << length << kept.json();
    EXPECT_EQ(kept.is_cut(), 7 * length + 42 > 100) << kept.json();
  }
}

TEST(KeptRows, ARowThatIsNoneEndsThem) {
  KeptRows kept(10, 1024);
  const std::string body("\0\5\0", 3);
  kept.add_row(protocol::as_bytes(body));
  EXPECT_EQ(kept.json(), "");
  EXPECT_TRUE(kept.is_cut());
  EXPECT_FALSE(kept.wants(1));
}

}  // namespace
}  // namespace dbgate::session
