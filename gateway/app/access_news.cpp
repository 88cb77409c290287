#include "gateway/app/access_news.h"

#include "gateway/audit/json.h"
#include "gateway/base/clock.h"

namespace dbgate::app {
namespace {

void add(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) audit::append_field(out, key, value);
}

std::string joined(const std::vector<std::string>& list) {
  std::string all;
  for (const std::string& one : list)
    all += (all.empty() ? "" : ", ") + one;
  return all;
}

}  // namespace

std::string fields_of_access(const ports::store::AccessRequest& request) {
  std::string fields;
  add(fields, "access.id", request.id);
  add(fields, "approval.id", request.approval);
  add(fields, "object.user", request.user);
  add(fields, "object.target", request.target);
  add(fields, "access.offer", request.offer);
  add(fields, "access.tables", joined(request.tables));
  add(fields, "access.verbs", joined(request.verbs));
  audit::append_field(fields, "access.seconds", static_cast<std::uint64_t>(request.seconds));
  if (request.break_glass) add(fields, "access.kind", "break_glass");
  if (request.ends_us > 0) add(fields, "access.until", format_time(request.ends_us));
  return fields;
}

ports::Event event_of_access(std::string_view event, const ports::store::AccessRequest& request) {
  std::string data = "{\"access_id\":";
  audit::append_json_string(data, request.id);
  add(data, "approval_id", request.approval);
  add(data, "user", request.user);
  add(data, "target", request.target);
  add(data, "offer", request.offer);
  add(data, "kind", request.break_glass ? "break_glass" : "approved");
  add(data, "until", format_time(request.ends_us));
  add(data, "by", request.ended_by);
  add(data, "reason", request.end_reason);
  ports::Event told;
  told.topic = "approvals";
  told.type = event;
  told.user = request.user;
  told.by = request.ended_by;
  told.data = data + "}";
  told.users = request.approver_users;
  told.groups = request.approver_groups;
  return told;
}

}  // namespace dbgate::app
