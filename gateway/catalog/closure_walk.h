#pragma once
#include <unordered_map>
#include <unordered_set>

#include "gateway/catalog/closure_kept.h"

namespace dbgate::catalog {

/// One question to a Closure. Breadth first, with a list of what is still to be looked at: no recursion, so that chains
/// may be as long as the catalog.
class ClosureWalk {
 public:
  ClosureWalk(const Closure& closure, Reach& reach, const Closure::Closed& closed)
      : closure_(closure), snapshot_(*closure.snapshot_), kept_(*closure.kept_), reach_(reach), closed_(closed) {}

  void start(std::span<const Touch> touches, std::span<const Call> functions, std::span<const Oid> types,
             const SearchPath& path);
  void run();

 private:
  /// Something still to be looked at, and under which search_path.
  struct Work {
    enum class Kind : std::uint8_t { touch, call, type };
    Kind kind = Kind::touch;
    Edge edge = Edge::direct;
    std::uint32_t path = 0;
    std::uint32_t before = UINT32_MAX;
    std::string_view name;
    Touch touch;
    sql::EffectSet fires;  ///< rows move between partitions: triggers run for more than was asked for
    Call call;
    const Trigger* trigger = nullptr;
    Oid type = 0;
  };
  struct Known {
    Touch touch;
    sql::EffectSet fires;
    bool descended = false;
    bool seen_through = false;
  };

  // closure_walk.cpp
  void add(Work work) { pending_.push_back(std::move(work)); }
  std::uint32_t add_step(const Work& work);
  void on_touch(Work& work);
  void on_call(const Work& work);
  void on_type(const Work& work);
  void on_trigger_row(const Work& work, const Contents& contents, std::uint32_t step);
  void add_contents(const Contents& contents, Edge edge, std::uint32_t step, std::uint32_t path,
                    std::string_view name = {});
  void add_opaque(std::string_view why, std::uint32_t step);
  void report(const Touch& touch, std::uint32_t step, bool beneath);
  void report_again(const Work& work, const Touch& touch);
  bool is_beneath(const Work& work) const;
  void call(Oid function, Edge edge, std::uint32_t step, std::uint32_t path, bool named,
            const Trigger* trigger = nullptr);

  // closure_edges.cpp: what a touch of a relation leads to. `work` holds what is new about it.
  void follow(const Relation& relation, const Work& work, Known& known, std::uint32_t step);
  void see_through(const Relation& view, const Work& work, Known& known, std::uint32_t step);
  void write_through(const Relation& view, const Work& work, std::uint32_t step);
  void rules(const Relation& relation, const Work& work, std::uint32_t step);
  void triggers(const Relation& relation, const Work& work, std::uint32_t step);
  void keys_to(const Relation& relation, const Work& work, const Known& known, std::uint32_t step);
  void keys_from(const Relation& relation, const Work& work, const Known& known, std::uint32_t step);
  static bool changes_columns(const Work& work);
  void descendants(const Relation& relation, const Work& work, std::uint32_t step);
  void expressions(const Relation& relation, const Work& work, std::uint32_t step);
  void column_types(const Relation& relation, const Work& work, std::uint32_t step);
  const Contents& rule(std::uint32_t index);

  const Closure& closure_;
  const Snapshot& snapshot_;
  Closure::Kept& kept_;
  Reach& reach_;
  const Closure::Closed& closed_;
  std::vector<Work> pending_;
  std::unordered_map<std::uint64_t, Known> known_;   // by path and relation
  std::unordered_map<Oid, std::size_t> reported_;    // relation → reach_.relations
  std::unordered_set<std::uint64_t> called_, cast_;  // by path and function or type
  std::unordered_set<Oid> listed_;                   // functions in reach_
  std::unordered_set<std::uint32_t> opaque_;         // functions and relations in reach_
};

/// Objects that initdb made; what they do is a matter of lists, not of looking into them.
constexpr bool is_built_in(Oid oid) {
  return oid < 16384;
}

constexpr std::size_t bit(sql::Effect effect) {
  return static_cast<std::size_t>(effect);
}

template <class... Effects>
sql::EffectSet effects_of(Effects... effects) {
  sql::EffectSet set;
  (set.set(bit(effects)), ...);
  return set;
}

}  // namespace dbgate::catalog
