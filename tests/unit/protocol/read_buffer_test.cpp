#include "protocol/postgres/read_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

namespace dbgate::protocol {
namespace {

void fill(ReadBuffer& buffer, std::string_view text, std::size_t room) {
  const auto free = buffer.prepare(room);
  ASSERT_GE(free.size(), room);
  ASSERT_GE(free.size(), text.size());
  std::memcpy(free.data(), text.data(), text.size());
  buffer.commit(text.size());
}

std::string unread(const ReadBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.unread().data()), buffer.unread().size()};
}

TEST(ReadBuffer, KeepsWhatIsUnreadWhenItMovesAndGrows) {
  ReadBuffer buffer;
  fill(buffer, "abcdefgh", 8);
  buffer.consume(6);
  fill(buffer, "ij", 2);  // moves
  EXPECT_EQ(unread(buffer), "ghij");
  EXPECT_EQ(buffer.capacity(), 8U);
  fill(buffer, "klmnopq", 7);  // grows
  EXPECT_EQ(unread(buffer), "ghijklmnopq");
}

TEST(ReadBuffer, HoldsNoMemoryAfterRelease) {
  ReadBuffer buffer;
  fill(buffer, "a", ReadBuffer::usual_bytes);
  buffer.release_if_empty();
  EXPECT_EQ(unread(buffer), "a");  // not empty
  buffer.consume(1);
  buffer.release_if_empty();
  EXPECT_EQ(buffer.capacity(), 0U);
}

// The block that one gave back serves another, and never two.
TEST(ReadBuffer, BlocksOfTheUsualSizeHaveOneOwner) {
  ReadBuffer first;
  ReadBuffer second;
  ReadBuffer third;
  fill(first, "1", ReadBuffer::usual_bytes);
  fill(second, "2", ReadBuffer::usual_bytes);
  first.consume(1);
  first.release_if_empty();
  fill(third, "3", ReadBuffer::usual_bytes);
  fill(first, "4", ReadBuffer::usual_bytes);
  EXPECT_EQ(unread(second), "2");
  EXPECT_EQ(unread(third), "3");
  EXPECT_EQ(unread(first), "4");
  EXPECT_EQ(third.capacity(), ReadBuffer::usual_bytes);
}

// Growing beyond the usual size gives nothing to the spare block that is not of its size.
TEST(ReadBuffer, AGrownBlockIsNotKept) {
  ReadBuffer big;
  fill(big, "x", ReadBuffer::usual_bytes);
  fill(big, "y", ReadBuffer::usual_bytes);
  EXPECT_EQ(unread(big), "xy");
  big.consume(2);
  big.release_if_empty();
  ReadBuffer usual;
  fill(usual, "z", ReadBuffer::usual_bytes);
  EXPECT_EQ(usual.capacity(), ReadBuffer::usual_bytes);
}

}  // namespace
}  // namespace dbgate::protocol
