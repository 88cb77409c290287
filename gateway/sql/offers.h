#pragma once
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/sql/budget.h"
#include "gateway/sql/resolve_names.h"

// What the sources and levels of one statement offer to names. Inside sql/ only.
namespace dbgate::sql {

/// Where the value of a column comes from: a copy of one origin, or a view of those of a Field.
class Origins {
 public:
  Origins(const Origin& one) : one_(one) {}
  Origins(const std::vector<Origin>& many) : many_(many), viewed_(true) {}
  std::span<const Origin> all() const { return viewed_ ? many_ : std::span<const Origin>(&one_, 1); }

 private:
  Origin one_;
  std::span<const Origin> many_;
  bool viewed_ = false;
};

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

  /// Nullopt: the source has no such column. Empty: it has, and the value is nobody's column. To be used before the
  /// next question.
  std::optional<Origins> find(std::size_t level, std::size_t source, std::string_view column);
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
  std::byte room_[1024];  // for a usual statement
  std::pmr::monotonic_buffer_resource scratch_{room_, sizeof room_};
  std::pmr::vector<Known> relations_;
  std::pmr::vector<LevelMemo> levels_;
  std::vector<Made> made_;
  bool unsure_ = false;
  std::size_t depth_ = 0;
};

}  // namespace dbgate::sql
