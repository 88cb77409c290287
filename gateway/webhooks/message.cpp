#include "gateway/webhooks/message.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>

#include "gateway/auth/digests.h"
#include "gateway/base/clock.h"
#include "gateway/ports/approval_words.h"

namespace dbgate::webhooks {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::size_t most_shown_sql = 2'000;  // Slack takes 3000 characters in a block

/// What of the body of an approval is told.
struct Facts {
  std::string operation, risk_level, sql;
};

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

Facts facts_of(const store::Approval& approval) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(approval.body.empty() ? "{}" : approval.body, failed);
  if (failed || !parsed.is_object()) return {};
  const json::object& body = parsed.get_object();
  Facts facts{text_in(body, "operation"), {}, text_in(body, "sql")};
  const json::value* const risk = body.if_contains("risk");
  if (risk != nullptr && risk->is_object()) facts.risk_level = text_in(risk->get_object(), "level");
  return facts;
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value time_or_null(std::int64_t micros) {
  return micros == 0 ? json::value(nullptr) : json::value(format_time(micros));
}

std::uint32_t missing_votes(const store::Approval& approval) {
  const auto yes = std::count_if(approval.votes.begin(), approval.votes.end(),
                                 [](const store::ApprovalVote& vote) { return vote.yes; });
  const auto given = static_cast<std::uint32_t>(yes);
  return approval.rule.needed > given ? approval.rule.needed - given : 0;
}

std::string address_of(const store::Approval& approval, const std::string& public_url) {
  return public_url.empty() ? std::string() : public_url + "/api/v1/approvals/" + approval.id;
}

json::object data_of(const store::Approval& approval, const Facts& facts, bool with_sql,
                     const std::string& public_url) {
  json::array votes;
  for (const store::ApprovalVote& vote : approval.votes) {
    votes.push_back({{"by", vote.by},
                     {"approve", vote.yes},
                     {"reason", text_or_null(vote.reason)},
                     {"ticket", text_or_null(vote.ticket)},
                     {"voted_at", time_or_null(vote.at_us)}});
  }
  json::object data{{"id", approval.id},
                    {"kind", ports::word_of(approval.kind)},
                    {"state", ports::word_of(approval.state)},
                    {"requester", approval.requester},
                    {"target", approval.target},
                    {"database", approval.database},
                    {"rule", approval.policy_rule},
                    {"reason", text_or_null(approval.reason)},
                    {"ticket", text_or_null(approval.ticket)},
                    {"operation", text_or_null(facts.operation)},
                    {"risk_level", text_or_null(facts.risk_level)},
                    {"approvers",
                     {{"groups", json::value_from(approval.rule.groups)},
                      {"users", json::value_from(approval.rule.users)},
                      {"needed", approval.rule.needed}}},
                    {"votes", std::move(votes)},
                    {"missing", missing_votes(approval)},
                    {"created_at", time_or_null(approval.created_us)},
                    {"decide_by", time_or_null(approval.decide_by_us)},
                    {"good_until", time_or_null(approval.good_until_us)},
                    {"url", text_or_null(address_of(approval, public_url))}};
  if (with_sql) data["sql"] = text_or_null(facts.sql);
  return data;
}

// What is meant by "<", ">" and "&" in Slack's markup would let a stranger's text mention everybody, or link anywhere.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string list_of(const std::vector<std::string>& names, std::string_view before) {
  std::string out;
  for (const std::string& name : names)
    out += (out.empty() ? "" : ", ") + std::string(before) + name;
  return out;
}

std::string approvers_of(const store::ApprovalRule& rule) {
  const std::string groups = list_of(rule.groups, "group ");
  const std::string users = list_of(rule.users, "");
  return groups + (groups.empty() || users.empty() ? "" : ", ") + users;
}

std::string headline(const News& news, const Facts& facts) {
  const store::Approval& approval = news.approval;
  const std::string what = (facts.operation.empty() ? std::string(ports::word_of(approval.kind)) : facts.operation) +
                           " on " + approval.target;
  const bool review = approval.kind == store::ApprovalKind::review;
  if (review && news.event == "approval.requested") return approval.requester + " has broken the glass: " + what;
  if (news.event == "approval.requested") return approval.requester + " asks for approval: " + what;
  std::string text = approval.requester + "'s " + what + " is ";
  if (approval.state == store::ApprovalState::pending) return text + "one vote nearer to an approval";
  text += ports::word_of(approval.state);
  const bool decided =
      approval.state == store::ApprovalState::approved || approval.state == store::ApprovalState::denied;
  if (decided && !approval.votes.empty()) text += " by " + approval.votes.back().by;
  return text;
}

json::object field(std::string_view title, const std::string& text) {
  return {{"type", "mrkdwn"}, {"text", "*" + std::string(title) + "*\n" + escaped(text)}};
}

json::object section(const std::string& markup) {
  return {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", markup}}}};
}

// A stranger's words, as they are: no markup is read in them.
json::object quotation(const std::string& text) {
  return {{"type", "section"}, {"text", {{"type", "plain_text"}, {"text", text}, {"emoji", false}}}};
}

json::array blocks_of(const News& news, const Facts& facts, bool with_sql, const std::string& public_url) {
  const store::Approval& approval = news.approval;
  json::array blocks{section("*" + escaped(headline(news, facts)) + "*")};
  json::array fields{field("Rule", approval.policy_rule), field("Approvers", approvers_of(approval.rule))};
  if (!facts.risk_level.empty()) fields.push_back(field("Risk", facts.risk_level));
  if (!approval.ticket.empty()) fields.push_back(field("Ticket", approval.ticket));
  if (approval.state == store::ApprovalState::pending) {
    fields.push_back(field("Votes missing", std::to_string(missing_votes(approval))));
    fields.push_back(field("Decide by", format_time(approval.decide_by_us)));
  }
  blocks.push_back({{"type", "section"}, {"fields", std::move(fields)}});
  if (!approval.reason.empty()) blocks.push_back(quotation(approval.reason));
  if (news.event == "approval.decided" && !approval.votes.empty() && !approval.votes.back().reason.empty())
    blocks.push_back(quotation(approval.votes.back().by + ": " + approval.votes.back().reason));
  if (with_sql && !facts.sql.empty()) {
    std::size_t most = std::min(facts.sql.size(), most_shown_sql);
    while (most < facts.sql.size() && most > 0 && (static_cast<unsigned char>(facts.sql[most]) & 0xc0) == 0x80)
      --most;
    blocks.push_back(quotation(facts.sql.substr(0, most) + (most < facts.sql.size() ? " …" : "")));
  }
  std::string next = "`dbgate approvals show " + approval.id + "`";
  const std::string address = address_of(approval, public_url);
  if (!address.empty()) next += "  <" + address + "|" + approval.id + ">";
  blocks.push_back({{"type", "context"}, {"elements", json::array{{{"type", "mrkdwn"}, {"text", next}}}}});
  return blocks;
}

std::string key_of(const std::string& secret) {
  constexpr std::string_view prefix = "whsec_";
  if (!secret.starts_with(prefix)) return secret;
  const std::string key = auth::base64_decode(std::string_view(secret).substr(prefix.size()));
  return key.empty() ? secret : key;
}

}  // namespace

std::string body_of(const config::Webhook& hook, const News& news, const std::string& public_url) {
  const Facts facts = facts_of(news.approval);
  if (hook.format == config::WebhookFormat::slack) {
    return json::serialize(json::object{{"text", escaped(headline(news, facts))},
                                        {"blocks", blocks_of(news, facts, hook.with_sql, public_url)}});
  }
  return json::serialize(json::object{{"type", news.event},
                                      {"timestamp", format_time(news.at_us)},
                                      {"data", data_of(news.approval, facts, hook.with_sql, public_url)}});
}

std::vector<std::pair<std::string, std::string>> signed_headers(const std::string& secret, const std::string& id,
                                                                std::int64_t seconds, const std::string& body) {
  const std::string time = std::to_string(seconds);
  std::vector<std::pair<std::string, std::string>> headers{{"webhook-id", id}, {"webhook-timestamp", time}};
  if (secret.empty()) return headers;
  const std::string digest = auth::hmac_sha256(key_of(secret), id + "." + time + "." + body);
  headers.emplace_back("webhook-signature", "v1," + auth::base64_encode(digest));
  return headers;
}

}  // namespace dbgate::webhooks
