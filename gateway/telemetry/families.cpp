#include "gateway/telemetry/families.h"

namespace dbgate::telemetry {
namespace {

std::string text(std::string_view word) {
  return std::string(word);
}

/// The families of statements and connections while they are put together.
struct Made {
  Family statements{"dbgate_statements_total", "Decisions on statements.", FamilyType::counter, {}};
  Family durations{"dbgate_statement_duration_seconds",
                   "Time from the decision on a statement to the last byte of its result.",
                   FamilyType::histogram,
                   {}};
  Family parse_failures{"dbgate_sql_parse_failures_total", "Texts that are no statement.", FamilyType::counter, {}};
  Family rows{"dbgate_rows_returned_total", "Rows sent to clients.", FamilyType::counter, {}};
  Family errors{"dbgate_upstream_errors_total",
                "Statements that ended with an error, by class of SQLSTATE.",
                FamilyType::counter,
                {}};
  Family arrivals{"dbgate_client_connections_total", "Attempts of clients to connect.", FamilyType::counter, {}};
  Family pins{"dbgate_session_pins_total",
              "Sessions that something has bound to their server connection.",
              FamilyType::counter,
              {}};
  Family connects{"dbgate_upstream_connects_total", "Attempts to connect to servers.", FamilyType::counter, {}};
  Family connect_durations{
      "dbgate_upstream_connect_duration_seconds", "Time to connect and log in to a server.", FamilyType::histogram, {}};
  Family waits{"dbgate_pool_wait_seconds",
               "Time that sessions waited for a server connection; 0: there was one.",
               FamilyType::histogram,
               {}};
  Family bytes{"dbgate_network_bytes_total", "Bytes of sessions.", FamilyType::counter, {}};
  Family decisions{"dbgate_policy_decisions_total",
                   "Decisions on statements, by where the rule stands that decided.",
                   FamilyType::counter,
                   {}};
  Family masked{
      "dbgate_masked_values_total", "Values of masked columns in rows sent to clients.", FamilyType::counter, {}};
  Family overheads{"dbgate_proxy_overhead_seconds",
                   "Time from reading messages of a client to passing them on, of one in sixteen.",
                   FamilyType::histogram,
                   {}};
};

void add_statements(Made& made, const std::string& target, const TargetTotals& totals) {
  for (std::size_t kind = 0; kind < statement_kinds.size(); ++kind) {
    const std::string name = text(statement_kinds[kind]);
    for (std::size_t i = 0; i < effects.size(); ++i) {
      made.statements.add({{"target", target}, {"kind", name}, {"decision", text(effects[i])}},
                          totals.sum([kind, i](const TargetCounters& part) -> const Counter& {
                            return part.statements[kind][static_cast<Effect>(i)];
                          }));
    }
    made.durations.add({{"target", target}, {"kind", name}},
                       totals.times([kind](const TargetCounters& part) -> const Durations& {
                         return part.statement_durations[kind];
                       }));
  }
  for (std::size_t i = 0; i < protocols.size(); ++i) {
    made.parse_failures.add({{"target", target}, {"protocol", text(protocols[i])}},
                            totals.sum([i](const TargetCounters& part) -> const Counter& {
                              return part.parse_failures[static_cast<Protocol>(i)];
                            }));
  }
  for (std::size_t i = 0; i < sqlstate_classes.size(); ++i) {
    made.errors.add({{"target", target}, {"sqlstate_class", text(sqlstate_classes[i])}},
                    totals.sum([i](const TargetCounters& part) -> const Counter& { return part.upstream_errors[i]; }));
  }
  made.rows.add({{"target", target}},
                totals.sum([](const TargetCounters& part) -> const Counter& { return part.rows_returned; }));
}

// What the gateway itself does to them.
void add_decisions(Made& made, const std::string& target, const TargetTotals& totals) {
  for (std::size_t effect = 0; effect < effects.size(); ++effect) {
    for (std::size_t rule = 0; rule < rule_classes.size(); ++rule) {
      made.decisions.add(
          {{"target", target}, {"decision", text(effects[effect])}, {"rule_class", text(rule_classes[rule])}},
          totals.sum([effect, rule](const TargetCounters& part) -> const Counter& {
            return part.policy_decisions[effect][static_cast<RuleClass>(rule)];
          }));
    }
  }
  made.masked.add({{"target", target}},
                  totals.sum([](const TargetCounters& part) -> const Counter& { return part.masked_values; }));
  made.overheads.add({{"target", target}},
                     totals.times([](const TargetCounters& part) -> const ShortDurations& { return part.overheads; }));
}

void add_arrivals(Made& made, const std::string& target, const TargetTotals& totals) {
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    made.arrivals.add({{"target", target}, {"result", text(arrivals[i])}},
                      totals.sum([i](const TargetCounters& part) -> const Counter& {
                        return part.arrivals[static_cast<Arrival>(i)];
                      }));
  }
}

void add_connections(Made& made, const std::string& target, const TargetTotals& totals) {
  for (std::size_t i = 0; i < pin_reasons.size(); ++i) {
    made.pins.add({{"target", target}, {"reason", text(pin_reasons[i])}},
                  totals.sum([i](const TargetCounters& part) -> const Counter& { return part.pins[i]; }));
  }
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    made.connects.add({{"target", target}, {"result", text(outcomes[i])}},
                      totals.sum([i](const TargetCounters& part) -> const Counter& {
                        return part.upstream_connects[static_cast<Outcome>(i)];
                      }));
  }
  made.connect_durations.add({{"target", target}}, totals.times([](const TargetCounters& part) -> const Durations& {
    return part.upstream_connect_durations;
  }));
  made.waits.add({{"target", target}},
                 totals.times([](const TargetCounters& part) -> const Durations& { return part.pool_waits; }));
  for (const auto& [side, traffic] :
       {std::pair("client", &TargetCounters::clients), std::pair("upstream", &TargetCounters::servers)}) {
    const auto sum = [&totals, traffic = traffic](Counter Traffic::*direction) {
      return totals.sum([=](const TargetCounters& part) -> const Counter& { return part.*traffic.*direction; });
    };
    made.bytes.add({{"target", target}, {"side", side}, {"direction", "received"}}, sum(&Traffic::received));
    made.bytes.add({{"target", target}, {"side", side}, {"direction", "sent"}}, sum(&Traffic::sent));
  }
}

Family evaluations(const std::vector<const WorkerCounters*>& workers) {
  Family family{"dbgate_policy_evaluation_seconds",
                "Time to evaluate policies for a text; what is remembered is not evaluated.",
                FamilyType::histogram,
                {}};
  EventCounters::Duration total = none_within<ShortDurations>();
  for (const WorkerCounters* const worker : workers)
    add_durations(total, worker->evaluations);
  family.add({}, std::move(total));
  return family;
}

Family auth_attempts(const std::vector<const WorkerCounters*>& workers) {
  Family family{"dbgate_auth_attempts_total", "Sign-ins on the wire.", FamilyType::counter, {}};
  for (std::size_t method = 0; method < auth_methods.size(); ++method) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      std::uint64_t total = 0;
      for (const WorkerCounters* const worker : workers)
        total += worker->auth_attempts(static_cast<AuthMethod>(method))[static_cast<Outcome>(i)].value();
      family.add({{"method", text(auth_methods[method])}, {"result", text(outcomes[i])}}, static_cast<double>(total));
    }
  }
  return family;
}

}  // namespace

Family& Family::add(EventCounters::Labels labels, double value) {
  series.push_back({std::move(labels), value});
  return *this;
}

Family& Family::add(EventCounters::Labels labels, EventCounters::Duration duration) {
  series.push_back({std::move(labels), 0, std::move(duration)});
  return *this;
}

TargetTotals::TargetTotals(std::string_view target, const std::vector<const WorkerCounters*>& workers) {
  for (const WorkerCounters* const worker : workers) {
    if (const TargetCounters* const part = worker->find(target)) parts_.push_back(part);
  }
}

Families target_families(const std::vector<std::string>& targets, const std::vector<const WorkerCounters*>& workers) {
  Made made;
  for (const std::string& target : targets) {
    const TargetTotals totals(target, workers);
    add_statements(made, target, totals);
    add_decisions(made, target, totals);
    add_arrivals(made, target, totals);
    add_connections(made, target, totals);
  }
  // Who is turned away before there is a target.
  add_arrivals(made, {}, TargetTotals({}, workers));
  Families families;
  families.push_back(auth_attempts(workers));
  families.push_back(evaluations(workers));
  for (Family* const one : {&made.statements, &made.durations, &made.parse_failures, &made.rows, &made.errors,
                            &made.arrivals, &made.pins, &made.connects, &made.connect_durations, &made.waits,
                            &made.bytes, &made.decisions, &made.masked, &made.overheads})
    families.push_back(std::move(*one));
  return families;
}

}  // namespace dbgate::telemetry
