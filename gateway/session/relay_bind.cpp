#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/user_types.h"
#include "gateway/sql/conditions.h"
#include "protocol/postgres/frontend_messages.h"

// Bind where rules look at values: the statement is judged again with what its parameters stand for.
namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;

Refusal too_large_to_judge(std::size_t most) {
  Refusal refusal;
  refusal.code = sqlstate::program_limit_exceeded;
  refusal.message = "Bind message is too large for rules over values";
  refusal.hint = "Send at most " + std::to_string(most) + " bytes of parameters at once.";
  return refusal;
}

// Values that no rule looks at are left behind: a portal lives long, and values can be large.
std::shared_ptr<const BoundValues> values_of(const frontend::Bind& bind, const Prepared& prepared,
                                             const std::vector<bool>& judged) {
  constexpr std::uint32_t no_type = UINT32_MAX;
  auto bound = std::make_shared<BoundValues>();
  const std::vector<std::int16_t> formats(bind.parameter_formats.begin(), bind.parameter_formats.end());
  std::size_t i = 0;
  for (const protocol::Value& value : bind.parameters) {
    policy::Argument& argument = bound->list.emplace_back();
    argument.type = i < prepared.parameter_types.size() ? prepared.parameter_types[i] : 0;
    const std::int16_t format = formats.empty()       ? std::int16_t{0}
                                : formats.size() == 1 ? formats[0]
                                : i < formats.size()  ? formats[i]
                                                      : std::int16_t{-1};
    argument.binary = format == 1;
    if (format != 0 && format != 1) argument.type = no_type;  // the server refuses it
    argument.null = !value;
    if (value && i < judged.size() && judged[i]) argument.bytes = protocol::as_text(*value);
    ++i;
  }
  return bound;
}

}  // namespace

// Judges what Bind makes of a statement. `prepared` becomes the portal, with the verdict that its values have got.
Relay::BindStep Relay::judge_bind(PreparedPtr& prepared, Bytes body, bool partial) {
  std::shared_ptr<const Analysis> analysis;
  const bool by_name_only = prepared->text.empty();  // made by PREPARE
  if (by_name_only || prepared->judged_by == judge_.version()) {
    if (!by_name_only && !(prepared->verdict && prepared->verdict->looks_at_values)) return BindStep::go_on;
    analysis = std::make_shared<const Analysis>(Analysis{prepared->script, false, {}, {}});
  } else {
    analysis = analysis_of(prepared->text);
    if (!analysis) return BindStep::again;
    analysis = with_declared_types(std::move(analysis), prepared->parameter_types);
    const Judged judged = judging().judge(*analysis, statements_, portals_, segment_);
    if (judged.wait) {
      next_ = Next::wait;
      return BindStep::again;
    }
    // Refused whatever the values are: as ever, Execute says so.
    if (judged.refused || !judged.verdict->looks_at_values || !judge_.stands(*prepared)) return BindStep::go_on;
  }
  if (analysis->script->statements.size() != 1 || !analysis->script->statements[0].values) return BindStep::go_on;
  if (body.size() > max_judged_bind || (partial && body.size() >= max_judged_bind)) {
    const Judged denied = over_limit(too_large_to_judge(max_judged_bind), prepared->script);
    refuse_extended(record_denial(denied, prepared->text, "extended", {}), false);
    return BindStep::refused;
  }
  if (partial) {
    whole_bind_ = true;
    return BindStep::again;
  }
  const auto bind = frontend::Bind::decode(body);
  if (!bind) {
    fail(sqlstate::protocol_violation, "invalid Bind message");
    return BindStep::again;
  }
  const auto bound = values_of(*bind, *prepared, sql::judged_parameters(*analysis->script->statements[0].values));
  Judged judged = judging().judge_bound(*analysis, bound.get(), statements_, portals_, segment_);
  if (judged.wait) {
    next_ = Next::wait;
    return BindStep::again;
  }
  if (judged.refused) {
    const auto taken = bind_records_.latest();
    judged.parameters = parameters_in(taken);
    refuse_extended(record_denial(judged, prepared->text, "extended", bind->portal), false);
    return BindStep::refused;
  }
  auto portal = std::make_shared<Prepared>(*prepared);
  portal->script = judged.script;
  auto verdict = std::make_shared<policy::Verdict>(*judged.verdict);
  if (prepared->verdict && verdict->masked.empty()) verdict->masked = prepared->verdict->masked;
  portal->verdict = std::move(verdict);
  portal->record = nullptr;  // each Bind has its own verdict
  portal->judged_by = judged.judged_by;
  portal->seen = locks_;
  portal->row_caps = judged.row_caps;
  portal->footprint = judged.footprint;
  portal->residue = judged.residue;
  portal->advice = judged.advice;
  portal->bound = bound;
  prepared = std::move(portal);
  return BindStep::go_on;
}

}  // namespace dbgate::session
