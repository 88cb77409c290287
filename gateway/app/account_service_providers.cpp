#include "gateway/app/account_service.h"
#include "gateway/base/clock.h"

// Signing in at an identity provider. Asking one may take seconds, so that has threads of its own.
namespace dbgate::app {
namespace {

ports::DeviceProgress progress_of(identity::DeviceState state) {
  switch (state) {
    case identity::DeviceState::pending:
      return ports::DeviceProgress::pending;
    case identity::DeviceState::slow_down:
      return ports::DeviceProgress::slow_down;
    case identity::DeviceState::expired:
      return ports::DeviceProgress::expired;
    case identity::DeviceState::denied:
      return ports::DeviceProgress::denied;
    case identity::DeviceState::done:
      return ports::DeviceProgress::done;
  }
  return ports::DeviceProgress::expired;
}

}  // namespace

std::vector<std::string> AccountService::providers() const {
  return identity_.oidc().providers();
}

Task<Result<std::string>> AccountService::start_browser(ports::BrowserSignIn start) {
  const auto names = providers();
  if (start.provider.empty() && !names.empty()) start.provider = names.front();
  auto url = co_await on<std::string>(identity_.providers(), [&] {
    return identity_.oidc().start(
        {start.provider, start.redirect_uri, start.code_challenge, start.state, start.callback}, wall_clock_us());
  });
  co_return url;
}

Task<Result<std::string>> AccountService::finish_browser(ports::BrowserReturn answer) {
  auto url = co_await on<std::string>(identity_.providers(), [&] {
    return identity_.oidc().finish({answer.state, answer.code, answer.error, answer.issuer}, wall_clock_us());
  });
  co_return url;
}

Task<Result<ports::IssuedTokens>> AccountService::redeem(ports::CodeGrant grant, ports::Device device) {
  const auto user = co_await on<std::string>(identity_.blocking(), [&] {
    return identity_.oidc().redeem(grant.code, grant.verifier, grant.redirect_uri, wall_clock_us());
  });
  if (!user) {
    DBGATE_CO_CHECK(record_sign_in(false, {}, "oidc", {}, device.address));
    co_return user.error();
  }
  auto tokens = co_await begin(*user, "oidc", std::move(device));
  co_return tokens;
}

Task<Result<ports::DeviceStart>> AccountService::start_device(std::string provider) {
  const auto names = providers();
  if (provider.empty() && !names.empty()) provider = names.front();
  auto codes = co_await on<identity::DeviceCodes>(
      identity_.providers(), [&] { return identity_.oidc().start_device(provider, wall_clock_us()); });
  if (!codes) co_return codes.error();
  co_return ports::DeviceStart{codes->device_code,      codes->user_code,
                               codes->verification_uri, codes->verification_uri_complete,
                               codes->expires_in_s,     codes->interval_s};
}

Task<Result<ports::DeviceAnswer>> AccountService::poll_device(std::string device_code, ports::Device device) {
  const auto poll = co_await on<identity::DevicePoll>(
      identity_.providers(), [&] { return identity_.oidc().poll_device(device_code, wall_clock_us()); });
  const bool refused = !poll && poll.error().code() != sqlstate::connection_failure;
  if (refused || (poll && poll->state == identity::DeviceState::denied)) {
    DBGATE_CO_CHECK(record_sign_in(false, {}, "device", {}, device.address));
  }
  if (!poll) co_return poll.error();
  ports::DeviceAnswer answer;
  answer.progress = progress_of(poll->state);
  if (answer.progress != ports::DeviceProgress::done) co_return answer;
  auto tokens = co_await begin(poll->user, "device", std::move(device));
  if (!tokens) co_return tokens.error();
  answer.tokens = std::move(*tokens);
  co_return answer;
}

}  // namespace dbgate::app
