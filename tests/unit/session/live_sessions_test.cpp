#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "gateway/session/dormitory.h"

namespace dbgate::session {
namespace {

class Someone final : public LiveSession {
 public:
  const SessionInfo& info() const noexcept override { return info_; }
  SessionStatus status() const override { return {}; }
  void end(const Ending& /*why*/, bool /*gentle*/) override { ++ends; }
  int ends = 0;

 private:
  SessionInfo info_;
};

int count(const LiveSessions& sessions) {
  int found = 0;
  sessions.for_each([&found](LiveSession& session) {
    session.end({}, false);
    ++found;
  });
  return found;
}

TEST(LiveSessions, FindsThoseThatAreThere) {
  LiveSessions sessions;
  std::vector<std::optional<Someone>> all(5);
  for (auto& one : all) {
    one.emplace();
    sessions.add(*one);
  }
  EXPECT_EQ(count(sessions), 5);
  for (const auto& one : all)
    EXPECT_EQ(one->ends, 1);
  for (const std::size_t gone : {2u, 0u, 4u}) {  // from the middle, the last that came, the first
    all[gone].reset();
  }
  EXPECT_EQ(count(sessions), 2);
  EXPECT_EQ(all[1]->ends, 2);
  EXPECT_EQ(all[3]->ends, 2);
  all.clear();
  EXPECT_EQ(count(sessions), 0);
}

TEST(LiveSessions, MayGoBeforeItsSessions) {
  Someone session;
  {
    LiveSessions sessions;
    sessions.add(session);
  }
  LiveSessions others;
  others.add(session);
  EXPECT_EQ(count(others), 1);
}

Profile profile_of(const std::string& user) {
  Profile profile;
  profile.info.user = user;
  profile.info.target = "shop";
  return profile;
}

TEST(Profiles, EqualOnesAreKeptOnce) {
  Profiles profiles;
  const ProfilePtr one = profiles.shared(profile_of("a"));
  EXPECT_EQ(profiles.shared(profile_of("a")), one);
  EXPECT_NE(profiles.shared(profile_of("b")), one);
  Profile settings = profile_of("a");
  settings.info.settings["dbgate.key"] = "another";
  EXPECT_NE(profiles.shared(settings), one) << "every field counts";
  Profile credential = profile_of("a");
  credential.info.credential.id = "dpw_1";
  EXPECT_NE(profiles.shared(credential), one);
  Profile request = profile_of("a");
  request.link_request = std::make_shared<const upstream::LinkRequest>();
  EXPECT_NE(profiles.shared(request), one);
}

TEST(Profiles, ForgetsWhatNobodyHolds) {
  Profiles profiles;
  std::weak_ptr<const Profile> gone = profiles.shared(profile_of("a"));
  EXPECT_TRUE(gone.expired());
  for (int i = 0; i < 1000; ++i)
    profiles.shared(profile_of("user" + std::to_string(i)));
  EXPECT_LT(profiles.size(), 100u);
}

}  // namespace
}  // namespace dbgate::session
