#pragma once
#include <cstdint>
#include <set>
#include <string>

namespace dbgate::config {

enum class WebhookFormat : std::uint8_t {
  json,  ///< an object for programs
  slack  ///< a message that Slack and what understands its messages shows to people
};

/// Somebody else's server that is told what waits for approval and what became of it.
struct Webhook {
  std::string name;
  std::string url;      ///< https, or http on this machine; a secret: chat systems put their key into it
  std::string secret;   ///< the key of signatures; empty: none are made
  std::string ca_file;  ///< trusted certificates; empty: the system's
  WebhookFormat format = WebhookFormat::json;
  std::set<std::string> events{"approval.requested", "approval.decided"};
  bool with_sql = false;  ///< the statement's text goes along
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

}  // namespace dbgate::config
