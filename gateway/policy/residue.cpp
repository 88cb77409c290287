#include "gateway/policy/residue.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <span>
#include <unordered_map>

#include "gateway/base/keyed_hash.h"
#include "gateway/catalog/wide_names.h"
#include "gateway/policy/effect_sets.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;
using sql::Effect;
using sql::EffectSet;
using sql::FunctionForm;

// What runs no code but what a statement names or its tables bring along.
const EffectSet& seen_through() {
  using enum Effect;
  static const EffectSet set = effects({read, insert, update, delete_, truncate, merge, copy_in, copy_out, call, show,
                                        transaction, two_phase, lock, notify, deallocate, explain});
  return set;
}

// In the text itself it is followed, or binds its session; in a function it is not.
const EffectSet& left_by_functions() {
  using enum Effect;
  static const EffectSet set = effects({session, listen, cursor, prepare});
  return set;
}

// DDL that evaluates nothing but what its own text names: no row of a table is written anew, no code compiled.
bool makes_or_drops_a_relation(const sql::Statement& statement) {
  static constexpr std::array<std::string_view, 5> tags = {"CREATE TABLE", "CREATE VIEW", "CREATE SEQUENCE",
                                                           "CREATE INDEX", "DROP"};
  return statement.effects.test(static_cast<std::size_t>(Effect::select_into)) ||
         std::find(tags.begin(), tags.end(), statement.tag) != tags.end();
}

bool starts_with_one(std::string_view name, std::span<const std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

// Of pg_catalog: what runs code that a value names (SQL, a table, a cursor, a type, an index), and what keeps something
// of its own in the process that DISCARD ALL does not know: temporary replication slots, a backup, a replication
// origin.
bool reaches_or_keeps(std::string_view name) {
  static constexpr std::array<std::string_view, 14> prefixes = {
      "query_to_xml", "cursor_to_xml", "table_to_xml", "schema_to_xml",         "database_to_xml",
      "ts_stat",      "ts_rewrite",    "pg_input_",    "brin_summarize_",       "pg_create_",
      "pg_copy_",     "pg_backup_",    "pg_start_",    "pg_replication_origin_"};
  return starts_with_one(name, prefixes);
}

bool locks_for_its_session(std::string_view name) {
  static constexpr std::array<std::string_view, 2> prefixes = {"pg_advisory_lock", "pg_try_advisory_lock"};
  return starts_with_one(name, prefixes);
}

// Of extensions: nobody said of them that they keep nothing (triggers are never called in parallel), and they do not.
bool is_known_to_keep_nothing(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names = {"autoinc", "insert_username", "lo_manage", "moddatetime",
                                                            "set_limit"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Compiled code, which nobody but a superuser installs, is taken at its word: PARALLEL SAFE says that it touches no
// state of the process, IMMUTABLE that it looks at nothing but its arguments (PostgreSQL docs ch. 15.4, 38.7). One of
// PostgreSQL's own says so and runs the SQL that it is given (contrib/xml2).
bool keeps_nothing(const catalog::Function& function) {
  if (function.language != "c" && function.language != "internal") return false;
  if (function.oid < first_of_users || is_known_to_keep_nothing(function.name)) return true;
  return (function.parallel == 's' || function.volatility == 'i') && function.name != "xpath_table";
}

// Names lead elsewhere from here on: what they mean is found by the target's search_path.
bool strays(const sql::Statement& statement, const catalog::SearchPath& path) {
  const auto moves = [&path](const sql::SettingUse& use) {
    if (use.action != sql::SettingAction::set) return false;
    if (use.name == "search_path") return use.values != path.schemas;
    return use.name == "role" || use.name == "session_authorization";
  };
  const auto computes = [](const sql::FunctionUse& use) { return use.name.name == "set_config" && !use.sets; };
  const auto by_rows = [](const sql::RelationUse& use) {
    return use.name.name == "pg_settings" && use.effects.count() > 0 && !only(use.effects, effects({Effect::read}));
  };
  return std::any_of(statement.settings.begin(), statement.settings.end(), moves) ||
         std::any_of(statement.functions.begin(), statement.functions.end(), computes) ||
         std::any_of(statement.relations.begin(), statement.relations.end(), by_rows);
}

bool is_plain_call(const sql::FunctionUse& use) {
  return use.form != FunctionForm::operator_ && use.form != FunctionForm::cast && use.form != FunctionForm::field;
}

// What names say when there is no catalog to look them up in.
Residue without_catalog(const sql::Statement& statement) {
  const bool calls = std::any_of(statement.functions.begin(), statement.functions.end(), is_plain_call);
  return calls || !statement.relations.empty() || !statement.types.empty() ? Residue::unknown : Residue::none;
}

// @param of_one  what one statement leaves by what it names
template <class OfOne>
Residue of_all(const sql::Script& script, const catalog::SearchPath& path, const OfOne& of_one) {
  static const EffectSet plain = seen_through() | left_by_functions();
  Residue all = Residue::none;
  for (const sql::Statement& statement : script.statements) {
    const EffectSet made =
        makes_or_drops_a_relation(statement) ? effects({Effect::ddl, Effect::select_into}) : EffectSet();
    if (!only(statement.effects, plain | made) || !statement.unknown.empty() || strays(statement, path)) {
      return Residue::stays;
    }
    all = std::max(all, of_one(statement));
    if (all == Residue::stays) break;
  }
  return all;
}

}  // namespace

/// Statements, followed through one catalog.
class Residues::Traces {
 public:
  Traces(std::shared_ptr<const catalog::Closure> closure, const catalog::SearchPath& path)
      : closure_(std::move(closure)),
        snapshot_(closure_->snapshot()),
        path_(path.schemas.empty() ? all_schemas(path) : path),
        resolver_(snapshot_, path_.schemas, path_.user),
        any_schema_(path.schemas.empty()) {}

  Residue of(const sql::Statement& statement) const;
  const catalog::Snapshot& snapshot() const noexcept { return snapshot_; }

 private:
  catalog::SearchPath all_schemas(const catalog::SearchPath& path) const;
  bool is_ambiguous(const sql::RelationUse& use) const;
  bool is_unknown(const sql::FunctionUse& use) const;
  Residue of(const catalog::Reach& reach) const;

  const std::shared_ptr<const catalog::Closure> closure_;
  const catalog::Snapshot& snapshot_;
  const catalog::SearchPath path_;
  const catalog::Resolver resolver_;
  const bool any_schema_;
};

catalog::SearchPath Residues::Traces::all_schemas(const catalog::SearchPath& path) const {
  catalog::SearchPath all{{}, path.user};
  for (const catalog::Schema& schema : snapshot_.schemas())
    all.schemas.emplace_back(schema.name);
  return all;
}

bool Residues::Traces::is_ambiguous(const sql::RelationUse& use) const {
  if (!any_schema_ || !use.name.schema.empty()) return false;
  std::size_t found = 0;
  resolver_.each_schema(use.name, [&](Oid schema) {
    found += snapshot_.relation(schema, use.name.name) != nullptr;
    return found < 2;
  });
  return found > 1;
}

// A call with one argument may be a cast or a column of a row, so that Closure does not miss the function.
bool Residues::Traces::is_unknown(const sql::FunctionUse& use) const {
  return is_plain_call(use) && use.arguments == 1 && resolver_.functions(use.name, 1).empty() &&
         resolver_.type(use.name) == nullptr;
}

Residue Residues::Traces::of(const catalog::Reach& reach) const {
  if (!only(reach.effects, seen_through() | left_by_functions())) return Residue::stays;
  for (const catalog::Reach::Opaque& opaque : reach.opaque) {
    const bool is_function = opaque.step < reach.steps.size() && reach.steps[opaque.step].is_function;
    const catalog::Function* const function =
        is_function ? snapshot_.function(reach.steps[opaque.step].object) : nullptr;
    if (function == nullptr || !keeps_nothing(*function)) return Residue::stays;
  }
  bool leaves = (reach.effects & left_by_functions()).any();
  for (const catalog::Reach::OfFunction& of : reach.functions) {
    const catalog::Function* const function = snapshot_.function(of.function);
    if (function == nullptr || function->oid >= first_of_users) continue;
    if (reaches_or_keeps(function->name)) return Residue::stays;
    leaves = leaves || locks_for_its_session(function->name);
  }
  const auto lasts = [](const sql::SettingUse& use) { return changes(use) && !use.local; };
  leaves = leaves || std::any_of(reach.settings.begin(), reach.settings.end(), lasts);
  return leaves ? Residue::discarded : Residue::none;
}

Residue Residues::Traces::of(const sql::Statement& statement) const {
  if (statement.relations.empty() && statement.functions.empty() && statement.types.empty()) return Residue::none;
  const bool unclear = std::any_of(statement.relations.begin(), statement.relations.end(),
                                   [this](const sql::RelationUse& use) { return is_ambiguous(use); }) ||
                       std::any_of(statement.functions.begin(), statement.functions.end(),
                                   [this](const sql::FunctionUse& use) { return is_unknown(use); });
  return unclear || catalog::misread_name(snapshot_, statement.wide_names) != nullptr
             ? Residue::stays
             : of(closure_->of(statement, path_));
}

/// What is known to leave nothing, whatever else is in the statement. Strangers choose the names: their hash has a key,
/// and there is a bound.
class Residues::Harmless {
 public:
  Harmless() : table_(0, Hash{random_key()}) {}

  /// Whether everything that the statement names leaves nothing: PostgreSQL runs nothing for a statement but what its
  /// parts bring along. Relations are asked about as if the statement did to each of them all that it does to any, and
  /// to all of its columns.
  bool all_of(const sql::Statement& statement, const Traces& traces);

 private:
  static constexpr std::size_t most_entries = 10'000;

  struct Hash {
    using is_transparent = void;
    HashKey key;
    std::size_t operator()(std::string_view text) const noexcept { return keyed_hash(key, text); }
  };

  static HashKey random_key() {
    std::random_device device;
    const auto number = [&device] { return std::uint64_t{device()} << 32 | device(); };
    return {number(), number()};
  }

  template <class Ask>
  bool known(std::string_view key, const Ask& ask);

  std::shared_mutex mutex_;
  std::unordered_map<std::string, bool, Hash, std::equal_to<>> table_;
};

namespace {

/// Of a part of a statement: what kind of part, how it is used, and its name. Never allocates.
class PartKey {
 public:
  PartKey(char kind, std::uint64_t use, const sql::QualifiedName& name) {
    add({&kind, 1});
    char bytes[sizeof use];
    std::memcpy(bytes, &use, sizeof use);
    add({bytes, sizeof use});
    for (const std::string* part : {&name.catalog, &name.schema, &name.name}) {
      add(*part);
      add({"", 1});  // the zero behind it
    }
  }
  /// Names beyond PostgreSQL's bound do not fit: nothing is known of them.
  bool fits() const noexcept { return fits_; }
  std::string_view text() const noexcept { return {bytes_.data(), size_}; }

 private:
  void add(std::string_view more) {
    fits_ = fits_ && more.size() <= bytes_.size() - size_;
    if (!fits_) return;
    std::copy(more.begin(), more.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += more.size();
  }

  std::array<char, 224> bytes_;
  std::size_t size_ = 0;
  bool fits_ = true;
};

}  // namespace

template <class Ask>
bool Residues::Harmless::known(std::string_view key, const Ask& ask) {
  {
    const std::shared_lock lock(mutex_);
    const auto found = table_.find(key);
    if (found != table_.end()) return found->second;
  }
  const bool harmless = ask();
  const std::unique_lock lock(mutex_);
  if (table_.size() < most_entries) table_.emplace(key, harmless);
  return harmless;
}

bool Residues::Harmless::all_of(const sql::Statement& statement, const Traces& traces) {
  if (!statement.wide_names.empty()) return false;
  EffectSet effects;
  for (const sql::RelationUse& use : statement.relations)
    effects |= use.effects;
  static_assert(EffectSet().size() <= 64);
  const auto leaves_nothing = [&traces](const auto& fill) {
    sql::Statement one;
    fill(one);
    return traces.of(one) == Residue::none;
  };
  const auto relation = [&](const sql::RelationUse& use) {
    const PartKey key('r', effects.to_ullong(), use.name);
    return key.fits() && known(key.text(), [&] {
             return leaves_nothing([&](sql::Statement& one) {
               sql::RelationUse& widest = one.relations.emplace_back();
               widest.name = use.name;
               widest.effects = effects;
               widest.reads.whole_row = widest.writes.whole_row = true;
             });
           });
  };
  const auto function = [&](const sql::FunctionUse& use) {
    const PartKey key('f', std::uint64_t{use.arguments} << 8 | static_cast<std::uint64_t>(use.form), use.name);
    return key.fits() && known(key.text(), [&] {
             return leaves_nothing([&](sql::Statement& one) { one.functions.push_back(use); });
           });
  };
  const auto type = [&](const sql::QualifiedName& name) {
    const PartKey key('t', 0, name);
    return key.fits() &&
           known(key.text(), [&] { return leaves_nothing([&](sql::Statement& one) { one.types.push_back(name); }); });
  };
  return std::all_of(statement.relations.begin(), statement.relations.end(), relation) &&
         std::all_of(statement.functions.begin(), statement.functions.end(), function) &&
         std::all_of(statement.types.begin(), statement.types.end(), type);
}

Residues::Residues(std::shared_ptr<const catalog::Closure> closure, catalog::SearchPath path)
    : path_(std::move(path)),
      traces_(std::make_unique<const Traces>(std::move(closure), path_)),
      harmless_(std::make_unique<Harmless>()) {}

Residues::~Residues() = default;

const catalog::Snapshot& Residues::snapshot() const noexcept {
  return traces_->snapshot();
}

Residue Residues::of(const sql::Script& script) const {
  return of_all(script, path_, [this](const sql::Statement& statement) {
    return harmless_->all_of(statement, *traces_) ? Residue::none : traces_->of(statement);
  });
}

Residue residue_of(const sql::Script& script, const catalog::SearchPath& path) {
  return of_all(script, path, without_catalog);
}

}  // namespace dbgate::policy
