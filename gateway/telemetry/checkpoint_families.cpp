#include "gateway/telemetry/families.h"

namespace dbgate::telemetry {
namespace {

Family one(const char* name, const char* help, FamilyType type, const Counter& counter) {
  Family family{name, help, type, {}};
  family.add({}, static_cast<double>(counter.value()));
  return family;
}

Family by_witness(const char* name, const char* help, FamilyType type, const std::vector<WitnessView>& witnesses,
                  Counter WitnessCounters::*counter) {
  Family family{name, help, type, {}};
  for (const WitnessView& witness : witnesses)
    family.add({{"witness", witness.name}}, static_cast<double>((witness.counters->*counter).value()));
  return family;
}

}  // namespace

Families checkpoint_families(const CheckpointCounters& checkpoints, const std::vector<WitnessView>& witnesses,
                             const Counter& peer_conflicts) {
  constexpr FamilyType counter = FamilyType::counter, gauge = FamilyType::gauge;
  Families all;
  all.push_back(one("dbgate_audit_checkpoints_total", "Checkpoints that were signed.", counter, checkpoints.written));
  all.push_back(one("dbgate_audit_checkpoint_failures_total", "Attempts to sign what is new that did not succeed.",
                    counter, checkpoints.failures));
  all.push_back(one("dbgate_audit_checkpoint_timestamp_seconds", "When all that there was had been signed last.", gauge,
                    checkpoints.last_success_s));
  all.push_back(one("dbgate_audit_signed_records", "Records that checkpoints are signed for, all chains together.",
                    gauge, checkpoints.records));
  all.push_back(one("dbgate_audit_unsigned_chains",
                    "Chains that are not signed any more: their records are not those that were.", gauge,
                    checkpoints.broken));
  all.push_back(one("dbgate_audit_peer_conflicts",
                    "Logs of other gateways on the store that do not lead to what was seen of them.", gauge,
                    peer_conflicts));
  if (witnesses.empty()) return all;
  all.push_back(by_witness("dbgate_audit_witness_checkpoints_total", "Checkpoints that a witness took.", counter,
                           witnesses, &WitnessCounters::delivered));
  all.push_back(by_witness("dbgate_audit_witness_failures_total", "Attempts to give a witness checkpoints that failed.",
                           counter, witnesses, &WitnessCounters::failures));
  all.push_back(by_witness("dbgate_audit_witness_conflicts",
                           "Chains of which a witness has a checkpoint that the log does not lead to.", gauge,
                           witnesses, &WitnessCounters::conflicts));
  all.push_back(by_witness("dbgate_audit_witness_timestamp_seconds", "When a witness had all that it was to get last.",
                           gauge, witnesses, &WitnessCounters::last_success_s));
  return all;
}

}  // namespace dbgate::telemetry
