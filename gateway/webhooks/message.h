#pragma once
#include <string>
#include <utility>
#include <vector>

#include "config/webhooks.h"
#include "gateway/ports/store_approvals.h"

namespace dbgate::webhooks {

/// Something that has happened to an approval.
struct News {
  std::string event;  ///< approval.requested, approval.voted, approval.decided, approval.ended
  ports::store::Approval approval;
  std::int64_t at_us = 0;
};

/// The body for a server: JSON.
///
/// json: `{"type","timestamp","data":{…}}`, `data` with what docs/approvals.md names. slack: `{"text","blocks"}`. The
/// statement's text stands in neither unless the configuration says so, values never do.
/// @param public_url  an origin, for links; empty: none
std::string body_of(const config::Webhook& hook, const News& news, const std::string& public_url);

/// The header fields that prove who has sent a body (Standard Webhooks 1.0, "webhook-signature"): webhook-id, the same
/// at every attempt; webhook-timestamp, of this attempt, in seconds since 1970 UTC; webhook-signature, "v1," and the
/// base64 of HMAC-SHA-256 over "<id>.<timestamp>.<body>". A secret that begins with "whsec_" is base64 from there on.
/// Without a secret the first two.
std::vector<std::pair<std::string, std::string>> signed_headers(const std::string& secret, const std::string& id,
                                                                std::int64_t seconds, const std::string& body);

}  // namespace dbgate::webhooks
