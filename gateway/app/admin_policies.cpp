#include <chrono>

#include "gateway/app/admin_targets.h"
#include "gateway/app/directory.h"
#include "gateway/policy/row_filters.h"
#include "gateway/policy/statement_lists.h"
#include "gateway/rehearsal/rehearsal.h"
#include "gateway/rehearsal/tests.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

constexpr const char* text_name = "policies";

void append(std::vector<ports::TextProblem>& problems, const std::vector<config::Problem>& more) {
  for (const config::Problem& problem : more)
    problems.push_back({problem.line, problem.column, problem.warning, problem.text});
}

bool broken(const std::vector<ports::TextProblem>& problems) {
  return ports::Checked<int>{0, problems}.refused();
}

Error no_version(std::int64_t number) {
  return {sqlstate::no_data, "there is no version " + std::to_string(number) + " of the policies"};
}

}  // namespace

Result<store::PolicyVersion> AdminPolicies::active_policy() {
  DBGATE_TRY(auto active, core_.store().objects().active_policy());
  return active ? std::move(*active) : store::PolicyVersion();
}

// As the gateway reads them: beside the configuration file, then the SQL in them, then their own tests.
Result<std::vector<ports::TextProblem>> AdminPolicies::check_policy(const std::string& text) {
  const auto file = core_.file();
  std::vector<ports::TextProblem> problems;
  DBGATE_TRY(const store::Directory directory, core_.store().load_directory(wall_us(), wall_us()));
  config::Extension extension = extension_of(directory);
  extension.policies.clear();
  // Those who are named may be the store's.
  const config::Config with = config::extend(*file, extension, core_.directory()).config;
  append(problems, config::check_policies(with, text, text_name));
  if (broken(problems)) return problems;
  extension.policies = text;
  extension.policies_name = text_name;
  const config::Extended whole = config::extend(*file, extension, core_.directory());
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  DBGATE_CHECK(rehearsal::Rehearsal::run([&] {
    append(problems, policy::check_statement_lists(whole.config, text_name));
    append(problems, policy::check_filters(whole.config, text_name));
    if (broken(problems)) return;
    const std::size_t own = file->tests.size();
    const std::vector<config::PolicyTest> tests(whole.config.tests.begin() + static_cast<std::ptrdiff_t>(own),
                                                whole.config.tests.end());
    for (const auto& result : rehearsal::run_tests(whole.config, tests, now))
      if (!result.mismatch.empty()) problems.push_back({result.test.line, 0, false, "test failed: " + result.mismatch});
  }));
  return problems;
}

Result<std::vector<store::PolicyVersion>> AdminPolicies::list_versions() {
  return whole_list<store::PolicyVersion>(
      [&](const store::Page& page) { return core_.store().objects().list_policy_versions(page); });
}

Result<store::PolicyVersion> AdminPolicies::find_version(std::int64_t number) {
  DBGATE_TRY(auto found, core_.store().objects().find_policy_version(number));
  if (!found) return no_version(number);
  return std::move(*found);
}

Result<ports::Checked<store::PolicyVersion>> AdminPolicies::add_version(const ports::Actor& actor,
                                                                        const std::string& text,
                                                                        const std::string& comment) {
  ports::Checked<store::PolicyVersion> checked;
  DBGATE_TRY(checked.problems, check_policy(text));
  if (checked.refused()) return checked;
  DBGATE_CHECK(core_.record(actor, "policy.add", text_name));
  store::PolicyVersion version;
  version.text = text;
  version.comment = comment;
  version.author = actor.user;
  DBGATE_TRY(checked.value, core_.store().objects().add_policy_version(version, wall_us()));
  return checked;
}

// Checked again: what was good beside the file of then may not be beside that of now.
Result<ports::Checked<store::PolicyVersion>> AdminPolicies::activate(const ports::Actor& actor, std::int64_t number,
                                                                     std::int64_t seen) {
  ports::Checked<store::PolicyVersion> checked;
  DBGATE_TRY(checked.value, find_version(number));
  DBGATE_TRY(checked.problems, check_policy(checked.value.text));
  if (checked.refused()) return checked;
  DBGATE_CHECK(core_.record(actor, "policy.activate", std::to_string(number), {{"before", std::to_string(seen)}}));
  DBGATE_CHECK(core_.store().objects().activate_policy(number, seen, wall_us()));
  checked.value.active = true;
  return checked;
}

}  // namespace dbgate::app
