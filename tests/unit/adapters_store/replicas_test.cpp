#include <thread>

#include "tests/unit/adapters_store/store_lab.h"

// What gateways on one store say to each other.
namespace dbgate::adapters::store {
namespace {

using std::chrono::milliseconds;

class ReplicasTest : public StoreTest {
 protected:
  Replicas& replicas() { return store->replicas(); }
  std::vector<std::string> texts_for(const std::string& recipient) {
    std::vector<std::string> texts;
    for (const ReplicaMessage& message : got(replicas().take(recipient)))
      texts.push_back(message.id + " " + message.body);
    return texts;
  }
};
ON_BOTH_DIALECTS(ReplicasTest);

TEST_P(ReplicasTest, EachSaysThatItIsThereAndWhatItUses) {
  did(replicas().say("rpl_b", "{}", true));
  did(replicas().say("rpl_a", "{\"x\":1}", true));
  did(replicas().say("rpl_b", "{\"x\":2}", false));
  const auto all = got(replicas().list());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, "rpl_a");
  EXPECT_EQ(all[0].beats, 1);
  EXPECT_EQ(all[1].beats, 2);
  EXPECT_EQ(all[1].state, "{\"x\":2}");
}

TEST_P(ReplicasTest, IsForgottenOnlyIfItHasSaidNothingSince) {
  did(replicas().say("rpl_a", "{}", true));
  did(replicas().say("rpl_a", "{}", true));
  const std::vector<ReplicaMessage> mail{{"msg_1", "rpl_a", "for a"}, {"msg_2", "rpl_b", "for b"}};
  did(replicas().send(mail));
  did(replicas().forget("rpl_a", 1));
  EXPECT_EQ(got(replicas().list()).size(), 1u);
  did(replicas().forget("rpl_a", 2));
  EXPECT_TRUE(got(replicas().list()).empty());
  EXPECT_TRUE(texts_for("rpl_a").empty()) << "with what was meant for it";
  EXPECT_EQ(texts_for("rpl_b").size(), 1u);
  did(replicas().say("rpl_a", "{}", true));
  did(replicas().forget("rpl_a", 0));
  EXPECT_TRUE(got(replicas().list()).empty());
}

TEST_P(ReplicasTest, AMessageIsReadOnceAndByNobodyElse) {
  const std::vector<ReplicaMessage> mail{
      {"msg_1", "rpl_a", "one"}, {"msg_2", "rpl_a", "two"}, {"msg_3", "rpl_b", "other"}};
  did(replicas().send(mail));
  did(replicas().withdraw({&mail[1], 1}));
  EXPECT_EQ(texts_for("rpl_a"), std::vector{"msg_1 one"s});
  EXPECT_TRUE(texts_for("rpl_a").empty());
  EXPECT_EQ(texts_for("rpl_b"), std::vector{"msg_3 other"s});
  did(replicas().withdraw(mail));  // read long ago
}

TEST_P(ReplicasTest, ManyReadersGetEachMessageOnce) {
  constexpr int count = 40;
  for (int i = 0; i < count; ++i) {
    const ReplicaMessage message{"msg_" + std::to_string(i), "rpl_a", "x"};
    did(replicas().send({&message, 1}));
  }
  std::atomic<int> read{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { read += static_cast<int>(got(replicas().take("rpl_a")).size()); });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(read, count);
}

TEST_P(ReplicasTest, TheFirstSecretStays) {
  const auto other = lab.open();
  EXPECT_EQ(got(replicas().secret("s", "mine")), "mine");
  EXPECT_EQ(got(other->replicas().secret("s", "theirs")), "mine");
  EXPECT_EQ(got(replicas().secret("t", "another")), "another");
}

TEST_P(ReplicasTest, AnAnnouncementWakesTheOthersAndNobodyWhoFollowsTheDirectory) {
  const auto other = lab.open();
  EventLog directory;
  const auto watch = other->watch(directory.callback());
  const auto signal = got(other->replicas().signal());
  while (got(signal->wait(milliseconds(300)))) {
  }
  did(replicas().say("rpl_a", "{}", true));
  EXPECT_TRUE(got(signal->wait(milliseconds(5'000))));
  EXPECT_FALSE(directory.wait([](const Event& event) { return event.what == Event::What::changed; }, milliseconds(0)));
}

}  // namespace
}  // namespace dbgate::adapters::store
