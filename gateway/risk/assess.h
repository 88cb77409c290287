#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "gateway/catalog/resolver.h"
#include "gateway/risk/level.h"
#include "gateway/sql/facts.h"

namespace dbgate::risk {

/// Where sizes begin to matter.
struct Sizes {
  double small_table = 10'000;       ///< rows: below, locks and rewrites are over before anybody waits
  double large_table = 1'000'000;    ///< rows: from here on, reading or changing all of it is work
  double huge_table = 10'000'000;    ///< rows: from here on, one step more
  std::uint64_t mass_read = 10'000;  ///< rows that a LIMIT may ask for
};

/// What a statement is judged against, besides itself. All of it may be missing.
struct Circumstances {
  Caller caller = Caller::person;
  const catalog::Resolver* resolver = nullptr;           ///< null: sizes and functions are not known
  std::span<const config::TablePattern> sensitive = {};  ///< columns that not everybody may see, by their tables
  Sizes sizes = {};
  bool in_transaction = false;
  bool holds_lock = false;        ///< this transaction has taken an ACCESS EXCLUSIVE lock
  bool has_lock_timeout = false;  ///< lock_timeout or statement_timeout is set in this session
  bool only_reads = false;        ///< the caller may change nothing
  bool unknown_shape = false;     ///< there is a list of what the caller sends, and this is not on it
  bool bursts = false;            ///< the caller has been refused, or has asked the catalog, very often just now
  std::size_t statements = 1;     ///< in the message that it came in
};

struct Rule;

/// A rule that speaks up.
struct Hit {
  const Rule* rule = nullptr;
  Level level = Level::info;
  std::string about;  ///< the relation, column, function or setting; empty: the statement as a whole
};

struct Assessment {
  Level level = Level::info;
  unsigned score = 0;     ///< 0 to 100: the level, and within it how much speaks for it
  std::vector<Hit> hits;  ///< by level, the worst first; then in the order of the rules
};

/// What the rules say of one statement. Pure, deterministic, and every time anew; without I/O.
Assessment assess(const sql::Statement& statement, const Circumstances& circumstances);
/// The same of a text that PostgreSQL's grammar does not know.
Assessment assess_unreadable(Caller caller);
/// What several statements of one text come to: the worst of them, and all that speaks up.
Assessment together(std::vector<Assessment> parts);

/// Whether it takes a lock that nobody can read beside, on a table that may hold rows.
bool locks_others_out(const sql::Statement& statement);
/// Whether the state of the session (in_transaction, holds_lock, has_lock_timeout) can make a difference to its rating.
bool rests_on_session(const sql::Statement& statement);
/// Whether a rule speaks up because the system catalog is read.
bool reads_catalog(const Assessment& assessment);

/// A rule as people read it. All of them: docs/risk.md, which is made of them.
struct Rule {
  const char* id;  ///< DML-01
  const char* title;
  Level person, service, agent;
  const char* why;     ///< what can happen
  const char* remedy;  ///< what to do instead
  Level of(Caller caller) const {
    return caller == Caller::person ? person : caller == Caller::service ? service : agent;
  }
};

/// In the order of their ids by family.
std::vector<const Rule*> all_rules();

}  // namespace dbgate::risk
