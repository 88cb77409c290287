#pragma once
#include <yaml-cpp/yaml.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"

// Reading YAML with every mistake named by place and path. Inside config/ only.
namespace dbgate::config {

/// Who wrote a text: an operator of this machine, or somebody who came by the API and may not read its files, its
/// environment or its secrets.
enum class Origin : std::uint8_t { file, store };

/// What a configuration says that is not to be shown.
struct Secrets {
  std::set<std::string> paths;     ///< of values that are secrets themselves
  std::vector<std::string> texts;  ///< of secrets, wherever they were kept
};

/// Where problems go, and what the whole file has in common.
struct Report {
  std::vector<SourceFile> sources;  ///< at least one
  std::string directory;
  std::vector<Problem> problems;
  bool failed = false;
  Purpose purpose = Purpose::serve;
  Origin origin = Origin::file;
  bool open_names = false;              ///< users, groups and targets may be defined elsewhere too
  std::vector<std::string> files = {};  ///< Origin::store: the only ones that may be named
  std::vector<std::string> named = {};  ///< files that are
  Secrets* secrets = nullptr;           ///< where they are noted; null: nobody asks

  /// "gateway.yaml:12"
  std::string place_of(const YAML::Mark& mark) const;
  void unreadable(const std::string& file, const std::string& why);
  void error(const YAML::Mark& mark, const std::string& path, const std::string& text);
  void warning(const YAML::Mark& mark, const std::string& path, const std::string& text);
};

/// One value of the file with its path. Reading what is not there leaves the default and says nothing.
class Value {
 public:
  Value(YAML::Node node, std::string path, Report& report);
  /// @param key  where it is named
  Value(YAML::Node node, const YAML::Mark& key, std::string path, Report& report);

  bool present() const { return node_.IsDefined() && !node_.IsNull(); }
  bool is_map() const { return present() && node_.IsMap(); }
  bool is_list() const { return present() && node_.IsSequence(); }
  Purpose purpose() const { return report_->purpose; }
  bool stored() const { return report_->origin == Origin::store; }
  bool open_names() const { return report_->open_names; }
  const std::string& path() const { return path_; }
  const std::string& directory() const { return report_->directory; }
  void error(const std::string& text) const { report_->error(place_, path_, text); }
  /// How many problems the file has so far.
  std::size_t problems() const { return report_->problems.size(); }
  int line() const { return place_.line + 1; }
  int column() const { return place_.column + 1; }
  void warn(const std::string& text) const { report_->warning(place_, path_, text); }
  /// Of a name that is not defined here: an error, or a warning where it may be defined elsewhere.
  void unknown_name(const char* what, const std::string& name, const std::vector<std::string>& known) const;
  /// Errors for those of the keys that are there although the text comes from the store.
  void refuse_stored(std::initializer_list<const char*> keys, const char* why) const;

  /// Complains about keys that are not named here (with the nearest that is) and about doubled ones.
  void expect_keys(std::initializer_list<std::string_view> keys) const;
  Value operator[](const std::string& key) const;
  /// Calls `visit` for each element of a list; a value that is no list is an error.
  void each(const std::function<void(const Value&)>& visit) const;
  /// Calls `visit` for each entry of a map.
  void each_entry(const std::function<void(const std::string& key, const Value&)>& visit) const;

  void read(std::string& target) const;
  void read(bool& target) const;
  void read(Milliseconds& target) const;
  void read(std::vector<std::string>& target) const;
  void read_count(std::size_t& target, std::size_t most) const;
  void read_bytes(std::size_t& target) const;
  /// A number without sign or exponent. @param most  a whole one
  void read_decimal(double& target, double most) const;
  void read_port(std::uint16_t& target) const;
  /// A path, made absolute by the file's directory; must be readable.
  void read_file_path(std::string& target) const;
  /// One of the words; the value's index goes to `target`.
  void read_word(std::initializer_list<std::string_view> words, std::size_t& target) const;
  /// Whoever shows the configuration leaves this value out.
  void hide() const;
  /// `key`, or exactly one of key_file, key_env, key_credential in this map.
  void read_secret(const std::string& key, std::string& target, bool warn_inline) const;

 private:
  bool scalar(std::string& text) const;
  void note_secret(const Value& file, const Value& env, const Value& credential) const;
  YAML::Node node_;
  YAML::Mark place_;  // of what is not there: the place of the map that lacks it; none: of a whole of several files
  std::string path_;
  Report* report_;
};

/// ${VAR}, ${VAR:-default}, ${VAR:?message}, and $${ for a literal "${". False with what is wrong in `problem`.
bool interpolate(std::string& text, std::string& problem);

/// The word of `words` nearest to `wrong`, if it is near.
std::string nearest(std::string_view wrong, const std::vector<std::string>& words);

/// What to add where a pattern could not be read: empty, or that a name in it is too long.
std::string why_no_name(std::string_view text);
/// "public.customers.email"; "*" for the schema or the table. False if it is none.
bool parse_column_pattern(std::string_view text, Mask& mask);
bool parse_function_pattern(std::string_view text, FunctionPattern& pattern);

/// Reads one of `listen`, or `listen` of a target.
void read_listener(const Value& value, Listener& listener, std::uint16_t default_port);
/// Of probes and metrics: plain HTTP for anybody who can reach it, wherever it listens.
void read_ops_listener(const Value& value, Listener& listener);
std::string directory_of(const std::string& path);
/// @return what is wrong, or nothing
std::string read_whole(const std::string& path, std::string& text);
/// Reads `state_dir` of the whole, as a whole path.
void read_state_dir(const Value& root, Config& config);
/// Reads `listen` of the whole.
void read_listeners(const Value& value, Config& config);
/// Reads `targets`.
void read_targets(const Value& map, Config& config);
Target read_target(const std::string& name, const Value& value, const Config& config);
/// Reads how a user signs in besides by password. Listeners have been read, and the users before this one.
void read_sign_in(const Value& value, User& user, const Config& config);
/// Reads `limits` of a policy or a target.
void read_traffic_limits(const Value& value, TrafficLimits& limits);
/// Reads `risk` of a policy; what stands for a kind of principal counts before what stands for all.
void read_risk(const Value& value, RiskPolicy& risk);
/// Reads `approval` of a policy or of a rule's `require`. @param refuse  whether clients are refused instead of waiting
void read_approval(const Value& value, bool refuse, ApprovalRulePtr& approval, const Config& config);
/// Reads `requests`. Users, groups and targets have been read, and other offers perhaps: names are unique among all.
void read_offers(const Value& list, Config& config);
/// Of something that others have to agree to: where would they?
void warn_without_store(const Value& value, const Config& config);
/// Reads `functions`, `types` and `descendants` of a rule.
void read_companions(const Value& value, Rule& rule);
/// Reads a list of patterns of tables.
void read_tables(const Value& list, std::vector<TablePattern>& tables);
/// The kinds of statements that rules name with tables: select, insert, …
std::span<const std::string_view> statement_kinds();
/// Complains of names that are not known.
void check_names(const Value& list, const std::vector<std::string>& names, const std::vector<std::string>& known,
                 const char* what);
std::vector<std::string> target_names(const Config& config);
/// Reads `approval` and `review` of `requests`.
void read_agreement(const Value& value, ApprovalRulePtr& agreement, const Config& config);
/// Reads `approve`, `lock_budget` and `capture` of a policy or target, beside its `approval`.
void read_commit_gate(const Value& gated, const ApprovalRulePtr& approval, CommitGate& gate);
/// Reads `hold` of a policy. @return whether clients are refused instead of waiting
bool read_hold(const Value& value);
/// Whether it holds statements of any kind of principal.
bool holds(const RiskPolicy& risk);
/// Reads `kind` of a user.
void read_kind(const Value& value, PrincipalKind& kind);
/// Reads `sensitive` of a target.
void read_sensitive(const Value& list, std::vector<TablePattern>& sensitive);
/// Reads `models`.
void read_models(const Value& value, Models& models);
/// Reads `store` and `encryption`.
void read_store(const Value& value, Store& store);
void read_encryption(const Value& value, const Store& store, std::vector<EncryptionKey>& keys);
/// Reads `tests`.
void read_tests(const Value& list, std::vector<PolicyTest>& tests);
/// Reads `when`.
void read_window(const Value& value, std::optional<Window>& window);
/// Reads `mask` and `filter` of a policy.
void read_masks(const Value& map, std::vector<Mask>& masks);
void read_filters(const Value& map, std::vector<RowFilter>& filters);
/// Reads `cache` of a policy.
void read_cached_reads(const Value& map, std::vector<CachedReads>& cached, const Config& config);
/// "tenant_id" or "public.orders.tenant_id". False if it is neither.
bool parse_column_name(std::string_view text, ConfinedColumn& column);
/// Reads `schemas`, which the pack "migrator" works in.
void read_schemas(const Value& rule_value, Rule& rule);
/// Reads `require` of a rule.
void read_require(const Value& rule_value, bool refuse, const Config& config, Rule& rule);
/// Whether its relations have conditions besides a WHERE clause.
bool asks_beyond_where(const Rule& rule);
/// Warns of attributes that none of the users has.
void check_attributes(const Value& allow, const Policy& policy, const Config& config);
/// Reads `passwords`, `tokens`, `sign_in` and `oidc`.
void read_passwords(const Value& value, Passwords& passwords);
void read_tokens(const Value& value, Tokens& tokens);
void read_sign_in(const Value& value, SignIn& sign_in);
/// Whether it is http to this machine: the host as it is written, without its port.
bool is_loopback_url(const std::string& url);
/// An origin: scheme, host, port.
void read_public_url(const Value& value, std::string& url);
void read_oidc(const Value& list, std::vector<OidcProvider>& providers);
/// Whether it is http to this machine.
bool is_loopback_url(const std::string& url);
/// Reads `sinks` and `witnesses` of `audit`.
void read_audit_sinks(const Value& list, std::vector<AuditSink>& sinks);
void read_audit_witnesses(const Value& list, std::vector<AuditWitness>& witnesses);
/// Reads `webhooks`.
void read_webhooks(const Value& list, std::vector<Webhook>& hooks);
/// Complains about `users` and `groups` of a map that nobody is called.
void check_principals(const Value& value, const std::vector<std::string>& users, const std::vector<std::string>& groups,
                      const Config& config);
/// Reads `policies`.
void read_policies(const Value& list, Config& config);

}  // namespace dbgate::config
