#include "config/webhooks.h"

#include <array>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t least_secret = 16;
constexpr std::size_t most_hooks = 16;
constexpr std::array<const char*, 4> known_events{"approval.requested", "approval.voted", "approval.decided",
                                                  "approval.ended"};

void read_events(const Value& list, std::set<std::string>& events) {
  if (!list.present()) return;
  events.clear();
  const std::size_t first = list.problems();
  list.each([&events](const Value& entry) {
    std::size_t index = 0;
    const std::size_t before = entry.problems();
    entry.read_word({known_events[0], known_events[1], known_events[2], known_events[3]}, index);
    if (entry.problems() == before) events.insert(known_events[index]);
  });
  if (events.empty() && list.problems() == first) list.error("names no event");
}

void check_url(const Value& value, const Webhook& hook) {
  if (value.purpose() == Purpose::judge) return;  // secrets are not read
  if (hook.url.empty()) return value.error("needs url, url_file, url_env or url_credential");
  // The text itself may hold a key and must not be in a message.
  if (!hook.url.starts_with("https://") && !is_loopback_url(hook.url))
    value.error("the url must be https; http is for this machine alone");
  if (hook.url.find_first_of(" \t\r\n") != std::string::npos) value.error("the url has blanks in it");
}

void check_secret(const Value& value, const Webhook& hook) {
  if (value.purpose() == Purpose::judge) return;
  if (hook.secret.empty() && hook.format == WebhookFormat::json)
    return value.error("needs a secret, by which the receiver knows that dbgate has sent it");
  if (!hook.secret.empty() && hook.secret.size() < least_secret) value.error("the secret needs 16 characters or more");
}

void read_webhook(const Value& value, Webhook& hook) {
  value.expect_keys({"name", "url", "url_file", "url_env", "url_credential", "secret", "secret_file", "secret_env",
                     "secret_credential", "ca_file", "format", "events", "include"});
  value["name"].read(hook.name);
  if (hook.name.empty()) value.error("needs a name");
  value.read_secret("url", hook.url, false);
  value.read_secret("secret", hook.secret, true);
  value["ca_file"].read_file_path(hook.ca_file);
  std::size_t format = 0;
  value["format"].read_word({"json", "slack"}, format);
  hook.format = static_cast<WebhookFormat>(format);
  read_events(value["events"], hook.events);
  value["include"].each([&hook](const Value& entry) {
    std::size_t index = 0;
    const std::size_t before = entry.problems();
    entry.read_word({"sql"}, index);
    hook.with_sql = hook.with_sql || entry.problems() == before;
  });
  check_url(value, hook);
  check_secret(value, hook);
}

}  // namespace

void read_webhooks(const Value& list, std::vector<Webhook>& hooks) {
  std::set<std::string> seen;
  list.each([&](const Value& value) {
    Webhook hook;
    read_webhook(value, hook);
    if (!seen.insert(hook.name).second) value["name"].error("\"" + hook.name + "\" is defined twice");
    hooks.push_back(std::move(hook));
  });
  if (hooks.size() > most_hooks) list.error("there are more than 16");
}

}  // namespace dbgate::config
