#pragma once
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/sql/resolve_names.h"

// What the sources and levels of one statement offer to names. Inside sql/ only.
namespace dbgate::sql {

/// A column that a source or a level offers.
struct Field {
  std::string_view name;
  std::vector<Origin> origins;  ///< the columns whose value it is, unchanged: one, or two behind USING, or one per arm
};
struct Fields {
  std::vector<Field> list;
  bool open = false;    ///< there may be others, or some have names that only the server knows
  bool counted = true;  ///< the list has every column, in order
};

/// Work that one statement may cause. A hostile one stops here after milliseconds; no statement that people or tools
/// write comes near.
class Budget {
 public:
  static constexpr std::size_t deepest = 500;

  bool spend(std::size_t steps) {
    steps_ += steps;
    return !exhausted();
  }
  bool exhausted() const { return steps_ > most_steps; }
  void exhaust() { steps_ = most_steps + 1; }

 private:
  static constexpr std::size_t most_steps = 2'000'000;
  std::size_t steps_ = 0;
};

/// What a name sees of one level: its sources from `from` to before `until`.
struct View {
  std::size_t level = 0;
  std::size_t from = 0;
  std::size_t until = 0;
  std::size_t inside = none;  ///< the place in FROM from which it looks; none: from outside of every join
};

class Offers {
 public:
  Offers(const Statement& statement, const TableColumns* tables, Budget& budget);

  View view_of(std::size_t level) const;
  /// The next level outwards; false at the end.
  bool outwards(View& view) const;
  /// Whether the view sees source number `index` of its level under its alias.
  bool visible(const View& view, std::size_t index) const;
  /// The same for its columns: those of a join without an alias are seen in its sides.
  bool columns_visible(const View& view, std::size_t index) const;

  /// Nullopt: the source has no such column. Empty: it has, and the value is nobody's column.
  std::optional<std::vector<Origin>> find(std::size_t level, std::size_t source, std::string_view column);
  /// Whether the source may have columns that are not known.
  bool open(std::size_t level, std::size_t source);
  bool columns_known(std::size_t relation) { return columns_of(relation) != nullptr; }

  const Fields& fields_of(std::size_t level, std::size_t source);
  const Fields& outputs_of(std::size_t level);
  const Field* field(const Fields& fields, std::string_view name);
  /// Whether names were given to columns whose origins nobody knows.
  bool unsure() const { return unsure_; }

 private:
  const std::vector<std::string_view>* columns_of(std::size_t relation);
  Fields make_fields(std::size_t level, std::size_t source);
  Fields join_fields(std::size_t level, std::size_t source);
  Fields make_outputs(std::size_t level);
  void own_outputs(std::size_t level, Fields& fields);
  void arm_outputs(const Level& level, Fields& fields);
  void star_outputs(std::size_t level, const NameUse& use, Fields& fields);
  std::vector<Origin> origins_of(std::size_t level, const NameUse& use);
  void rename(Fields& fields, const std::vector<std::string>& names);
  void forget_since(std::size_t made);

  struct Known {
    bool asked = false;
    std::optional<std::vector<std::string_view>> columns;
  };
  struct LevelMemo {
    std::vector<std::unique_ptr<Fields>> sources;
    std::unique_ptr<Fields> outputs;
    bool asked = false;
    bool recursive = false;  ///< asked for while it was being made
  };
  /// A memo that was filled: the outputs of a level, or one of its sources.
  struct Made {
    std::size_t level = 0;
    std::size_t source = none;
  };

  const Statement& statement_;
  const TableColumns* const tables_;
  Budget& budget_;
  std::vector<Known> relations_;
  std::vector<LevelMemo> levels_;
  std::vector<Made> made_;
  bool unsure_ = false;
  std::size_t depth_ = 0;
};

}  // namespace dbgate::sql
