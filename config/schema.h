#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/audit_sinks.h"
#include "config/audit_witnesses.h"
#include "config/cached_reads.h"
#include "config/identity.h"
#include "config/limits.h"
#include "config/masks.h"
#include "config/models.h"
#include "config/risk.h"
#include "config/store.h"
#include "config/webhooks.h"
#include "config/window.h"

// The configuration as plain values. Every key is described in docs/configuration.md.
namespace dbgate::config {

using Milliseconds = std::chrono::milliseconds;

struct Tls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
  bool configured() const noexcept { return !cert_file.empty(); }
};

struct Listener {
  bool enabled = false;
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::string user;    ///< tcp targets: who connections count as
  std::string socket;  ///< directory for a Unix socket beside the port; PostgreSQL listener only
  Tls tls;
  bool require_tls = false;
  bool allow_plain_remote = false;
};

struct Limits {
  std::size_t connections = 10'000;
  std::size_t connections_per_user = 0;  ///< 0: no limit
  Milliseconds login_timeout{10'000};
  Milliseconds tcp_keepalive{60'000};     ///< whole seconds
  Milliseconds tcp_user_timeout{60'000};  ///< 0: the system's
  std::size_t max_statement_bytes = 8u << 20;
  std::size_t max_tokens = 180'000;
  std::size_t max_nesting = 2'000;
  std::size_t max_parts = 30'000;
  std::size_t prepared_statements = 10'000;
  std::size_t portals = 1'000;
  std::size_t verdict_cache_bytes = 8u << 20;   ///< of each worker; 0: every statement is judged anew
  std::size_t read_cache_bytes = 0;             ///< of each worker; 0: no results are kept, whatever policies say
  std::size_t failed_logins_per_minute = 60;    ///< from one address
  std::size_t api_requests_per_minute = 6'000;  ///< of one caller; an address has ten times that; 0: no limit
  std::size_t api_connections = 4'096;          ///< at once, tunnels aside; 0: no limit
  std::size_t api_connections_per_address = 512;
  // Statements that the API runs.
  std::size_t query_rows = 10'000;      ///< of one result that is kept or streamed
  std::size_t query_bytes = 8u << 20;   ///< of one kept query
  Milliseconds query_timeout{300'000};  ///< of one statement, exports too
  std::size_t export_rows = 1'000'000;
  std::size_t export_bytes = 1u << 30;  ///< as they are sent
};

/// How the process ends.
struct Drain {
  Milliseconds min_delay{5'000};  ///< it goes on taking connections, for those who have not heard yet
  Milliseconds timeout{50'000};   ///< for transactions, after that
  Milliseconds handover_timeout{3'600'000};
};

/// What audit records keep of the values of parameters.
enum class AuditParameters : std::uint8_t { values, hashes, none };

enum class Durability : std::uint8_t { process, sync };

struct Audit {
  Durability durability = Durability::process;
  AuditParameters parameters = AuditParameters::values;
  std::size_t segment_bytes = 256u << 20;
  std::string signing_key_file;  ///< Ed25519 in PEM; empty: state_dir has one of its own
  Milliseconds checkpoint_interval{10'000};
  Milliseconds segment_max_age{24 * 3'600'000};  ///< 0: any
  bool compress = false;                         ///< segments that are closed, with zstd
  Milliseconds retention_max_age{0};             ///< 0: records of any age are kept
  std::size_t retention_max_bytes = 0;           ///< of the disk; 0: as many as there is room for
  std::vector<AuditSink> sinks{};
  std::vector<AuditWitness> witnesses{};
  std::string encryption_certificate_file{};      ///< for whom segments are sealed; empty: for nobody
  Milliseconds encryption_after{24 * 3'600'000};  ///< until then the gateway can read them

  bool has_retention() const noexcept { return retention_max_age.count() > 0 || retention_max_bytes > 0; }
};

/// What a user without a client certificate is asked for on the wire.
enum class WireSignIn : std::uint8_t {
  password,  ///< SCRAM
  token      ///< in clear text, inside TLS only
};

/// A generated password, kept as SCRAM keys under the salt that it shares with the user's others. Not of the file.
struct DatabasePassword {
  std::string id;  ///< of the credential: dpw_…
  std::string stored_key;
  std::string server_key;
  std::string target;        ///< the only one that it opens; empty: any
  std::int64_t expires = 0;  ///< seconds since 1970 UTC; 0: never
};

struct User {
  std::string name;
  std::string scram_verifier;
  std::map<std::string, std::string> attributes;
  bool stored = false;  ///< of the identity store, not of the file
  PrincipalKind kind = PrincipalKind::person;
  WireSignIn wire = WireSignIn::password;
  std::vector<std::string> certificates{};  ///< names of certificates that stand for the user (certificate_names.h)
  std::string scram_salt{};                 ///< of database_passwords; raw bytes
  int scram_iterations = 4096;
  std::vector<DatabasePassword> database_passwords{};  ///< at most 32 count
};

enum class SslMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
enum class ChannelBinding : std::uint8_t { disable, prefer, require };

struct HostPort {
  std::string host;
  std::uint16_t port = 5432;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// libpq's target_session_attrs: which of several hosts serves.
enum class SessionAttrs : std::uint8_t { any, read_write, read_only, primary, standby, prefer_standby };

/// How hosts are looked after where there is a choice between them.
struct HostHealth {
  Milliseconds interval{1'000};  ///< from one look to the next
  Milliseconds timeout{2'000};   ///< for one look
  friend bool operator==(const HostHealth&, const HostHealth&) = default;
};

/// Whose application_name the server shows.
enum class ServerName : std::uint8_t { principal, client };

struct Upstream {
  std::vector<HostPort> hosts;
  std::string database;
  std::string user;
  std::string password;
  SslMode tls = SslMode::verify_full;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  ChannelBinding channel_binding = ChannelBinding::prefer;
  bool allow_md5 = false;
  bool allow_no_password = false;
  Milliseconds connect_timeout{5'000};
  SessionAttrs session_attrs = SessionAttrs::any;  ///< several hosts: primary, unless it is said
  Milliseconds max_lag{0};                         ///< a standby further behind is not used; 0: no limit
  Milliseconds failover_wait{30'000};              ///< for a host that fits, while there is none
  HostHealth health{};
  ServerName application_name = ServerName::principal;

  /// Whether hosts have to be looked at to know which one serves.
  bool chooses() const noexcept { return hosts.size() > 1 || session_attrs != SessionAttrs::any; }
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

/// How the target's system catalogs are kept.
struct Catalog {
  Milliseconds refresh{60'000};     ///< read again this often, besides after DDL
  Milliseconds max_stale{600'000};  ///< older ones are not used
  Milliseconds timeout{30'000};     ///< of reading one
};

enum class EngineKind : std::uint8_t { postgresql, tcp };

/// How long a session keeps its server connection.
enum class PoolMode : std::uint8_t {
  session,      ///< as long as it lasts
  transaction,  ///< until somebody else needs it, between transactions
  statement     ///< the same; transaction blocks are refused
};

/// How sessions share the target's server connections.
struct Pool {
  PoolMode mode = PoolMode::session;
  std::size_t max = 0;                               ///< server connections at once; 0: no limit
  Milliseconds wait{0};                              ///< for one to become free
  Milliseconds idle{0};                              ///< a connection that nobody uses is kept
  Milliseconds lifetime{0};                          ///< an older one is closed once nobody needs it; 0: no limit
  std::map<std::string, std::size_t> user_weights;   ///< their parts when many wait; who has none has 1
  std::map<std::string, std::size_t> group_weights;  ///< for members without a weight of their own; the most counts

  /// Of a user who is in these groups.
  std::size_t weight_of(std::string_view user, const std::vector<std::string>& groups) const;
};

/// A relation, or all of a schema ("public.*"), or everything ("*"); with columns: these only.
struct TablePattern {
  std::string schema;  ///< "*": any but the system's
  std::string name;    ///< "*": any
  std::vector<std::string> columns;
};

struct Target {
  std::string name;
  EngineKind engine = EngineKind::postgresql;
  std::string environment;                    ///< for people: "production"; empty: not said
  std::map<std::string, std::string> labels;  ///< for people and lists
  std::vector<std::string> databases;         ///< further databases of the same server, reached as target/database
  Upstream upstream;
  std::vector<std::string> search_path{"public"};
  Pool pool;                              ///< tcp: `max` only
  Catalog catalog;                        ///< postgresql only
  Listener listen;                        ///< tcp only
  TrafficLimits limits;                   ///< of everybody on it together
  std::vector<TablePattern> sensitive{};  ///< columns that hold what not everybody may see, by their tables
  CommitGate gate{};                      ///< of everybody's changes
};

/// "safe" (a curated set of pg_catalog), or a function; without argument list: any of that name.
struct FunctionPattern {
  bool safe = false;
  std::string schema;
  std::string name;
  bool any_arguments = true;
  std::uint16_t arguments = 0;
  std::vector<std::string> types;  ///< of the arguments, as written
};

/// A statement of `statements` or `risk.known`, and where it stands.
struct ListedStatement {
  std::string text;
  int line = 0;  ///< from 1
  int column = 0;
};

/// A column that a rule's relations must be held to one value of, as `require: { values: … }` writes it.
struct ConfinedColumn {
  std::string schema, table;  ///< empty: of every relation of the rule
  std::string column;
  std::string attribute;  ///< of the principal; empty: `value` is meant
  std::string value;
};

/// One entry of `allow` or `deny`.
struct Rule {
  bool everything = false;
  std::vector<std::string> packs;
  std::vector<std::string> schemas;                         ///< of the pack "migrator"
  std::map<std::string, std::vector<TablePattern>> tables;  ///< by statement kind: select, insert, …
  std::vector<FunctionPattern> functions;
  std::vector<FunctionPattern> call;
  std::vector<std::string> listen;
  std::vector<std::string> notify;
  std::vector<std::string> set;
  std::vector<TablePattern> types;
  bool dcl = false;
  bool admin = false;
  bool do_blocks = false;
  bool opaque = false;
  bool two_phase = false;
  bool server_files = false;
  bool replication = false;
  bool function_call = false;
  bool connect = false;  ///< tcp targets
  bool require_where = false;
  std::vector<ConfinedColumn> require_values;
  std::size_t max_list = 0;   ///< 0: no limit
  std::size_t max_limit = 0;  ///< 0: none is asked for
  std::size_t max_rows = 0;   ///< 0: no limit
  bool require_reason = false;
  ApprovalRulePtr require_approval;         ///< null: nobody has to agree
  bool descendants = false;                 ///< the tables with all their children and partitions
  std::vector<ListedStatement> statements;  ///< allow only: these shapes, whatever they do
  std::optional<Window> when;               ///< in force at these times only
};

/// What becomes of a statement that no rule allows.
enum class PolicyMode : std::uint8_t {
  enforce,  ///< it is denied
  observe,  ///< it is allowed, and recorded as what would be denied
  learn     ///< the same, with the shapes of all statements
};

/// `record_rows`: what the audit log keeps of results.
struct RecordedRows {
  std::size_t rows = 0;  ///< the first ones of each; 0: none
  std::size_t bytes = 16u << 10;
};

struct Policy {
  std::string name;
  PolicyMode mode = PolicyMode::enforce;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::vector<std::string> targets;
  std::vector<Rule> allow;
  std::vector<Rule> deny;
  std::vector<Mask> masks;
  std::vector<RowFilter> filters;
  std::vector<CachedReads> cached;
  TrafficLimits limits;  ///< of each of its principals on each of its targets
  RecordedRows recorded;
  RiskPolicy risk{};
  ApprovalRulePtr approval{};          ///< for what the rating holds, and what waits before its COMMIT
  CommitGate gate{};                   ///< of what its principals change
  std::vector<ListedStatement> known;  ///< `risk.known`: what its principals send
};

/// Rights in force at once, before anybody has agreed; somebody looks at it afterwards.
struct BreakGlass {
  std::vector<std::string> users, groups;  ///< of those who may ask; none: all of them
  std::chrono::seconds longest{30 * 60};
  ApprovalRulePtr review{};  ///< who close it; null: there is no such way
};

/// One entry of `requests`: rights that some may ask for, for a time.
struct AccessOffer {
  std::string name;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::vector<std::string> targets;
  std::vector<TablePattern> tables;
  std::vector<std::string> written;  ///< the tables as the file has them
  std::vector<std::string> verbs;    ///< kinds of statements, as rules have them: select, update, …
  Rule rule{};                       ///< of what is granted, but for its tables
  std::chrono::seconds longest{4 * 3600};
  bool needs_ticket = false;
  ApprovalRulePtr approval{};  ///< null: by break-glass only
  BreakGlass break_glass{};
};

/// Rights that somebody has for a time, by an offer. Not of the file.
struct AccessGrant {
  std::string id;  ///< acc_…
  std::string user;
  std::string target;
  std::string offer;
  std::vector<std::string> tables;  ///< patterns
  std::vector<std::string> verbs;
  bool break_glass = false;
  std::int64_t from = 0;  ///< seconds since 1970 UTC
  std::int64_t until = 0;
};

/// What a policy's author expects of it.
struct PolicyTest {
  std::string user;
  std::string target;  ///< or target/database
  std::string sql;
  std::string expect;              ///< allow, deny, mask, log_only, hold
  std::string rule;                ///< empty: any
  std::string reason;              ///< to be found in a reason; empty: any
  std::optional<std::int64_t> at;  ///< seconds since 1970 UTC; without: now
  int line = 0;                    ///< from 1
};

/// Who has an administrative right.
struct RoleHolders {
  std::vector<std::string> users;
  std::vector<std::string> groups;
};

/// One of the files of a configuration.
struct SourceFile {
  std::string path;
  int lines_before = 0;  ///< of files that were read before it
};

struct Config {
  std::string state_dir;
  unsigned workers = 1;  ///< 0: one per core
  Listener postgres;
  Listener api;
  Listener ops;              ///< probes and metrics: address and port alone
  std::string admin_socket;  ///< path; empty: admin.sock in state_dir
  std::string log_level = "info";
  std::string log_format = "json";
  Limits limits;
  Drain drain;
  Audit audit;
  Passwords passwords;
  Tokens tokens;
  SignIn sign_in;
  Registration registration = Registration::invitation;
  std::string public_url;  ///< of the API, as people reach it: scheme, host, port; empty: as requests name it
  std::vector<OidcProvider> oidc;
  std::vector<Webhook> webhooks;
  std::vector<User> users;
  /// Ids of credentials that let nobody in any more; who is in by one of them goes. As long as a session of it, or an
  /// access token for it, may live. Not of the file.
  std::set<std::string, std::less<>> ended_credentials;
  std::map<std::string, std::vector<std::string>> groups;  ///< members by group
  std::map<std::string, RoleHolders> roles;                ///< by role: admin, user_admin, …
  std::vector<Target> targets;
  std::vector<Policy> policies;
  std::vector<AccessOffer> offers;  ///< `requests`
  std::vector<AccessGrant> access;  ///< in force, or over for a moment
  std::vector<PolicyTest> tests;
  std::string mask_key;  ///< of the hashes that masks show; empty: one that dbgate makes and keeps
  Models models;
  Store store;
  std::vector<EncryptionKey> encryption_keys;  ///< the first seals, all open
  std::string version;                         ///< of the content: a hash
  std::vector<std::string> files;              ///< that it names: secrets, certificates
  std::vector<SourceFile> sources;             ///< that it was read from. Lines of what it has count on through them
};

}  // namespace dbgate::config
