#pragma once
// PostgreSQL's own headers, for the walker alone: no other room and no header of ours includes them.
// Standard headers come first, because postgres.h replaces printf and friends by macros.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include <postgres.h>

#include <nodes/parsenodes.h>
#include <nodes/pg_list.h>
#include <nodes/primnodes.h>
#include <nodes/value.h>
}

namespace dbgate::sql {

/// The fields of one node type that point to other nodes, as PostgreSQL's headers declare them.
struct NodeShape {
  const char* name = nullptr;  ///< null: not a node of a raw parse tree
  const std::uint16_t* offsets = nullptr;
  std::uint16_t children = 0;
};

/// The shape of a node type; one without a name for types that no raw parse tree holds.
const NodeShape& shape_of(NodeTag tag) noexcept;

template <class T>
const T* as(const void* node) {
  return static_cast<const T*>(node);
}

/// Calls `push` with what lies directly beneath a node: a list's cells, else the fields of its shape, the last first,
/// so that a stack gives the first first. May be null.
template <class Push>
void each_child(const void* node, Push&& push) {
  if (nodeTag(node) == T_List) {
    const ListCell* cell = nullptr;
    foreach (cell, as<List>(node))
      push(static_cast<const void*>(lfirst(cell)));
    return;
  }
  const NodeShape& shape = shape_of(nodeTag(node));
  for (int i = shape.children - 1; i >= 0; --i)
    push(*reinterpret_cast<const void* const*>(static_cast<const char*>(node) + shape.offsets[i]));
}

/// Calls `visit` with each of the conditions that are ANDed, however the brackets stand, until it says false.
template <class Visit>
void each_conjunct(const void* condition, Visit&& visit) {
  std::vector<const void*> pending{condition};
  while (!pending.empty()) {
    const void* const node = pending.back();
    pending.pop_back();
    if (node == nullptr) continue;
    if (nodeTag(node) == T_BoolExpr && as<BoolExpr>(node)->boolop == AND_EXPR) {
      pending.push_back(as<BoolExpr>(node)->args);
    } else if (nodeTag(node) == T_List) {
      each_child(node, [&](const void* child) { pending.push_back(child); });
    } else if (!visit(node)) {
      return;
    }
  }
}

/// The string of a String node, or "" for any other.
inline std::string_view string_of(const void* node) {
  if (node == nullptr || nodeTag(node) != T_String) return {};
  const char* text = as<String>(node)->sval;
  return text == nullptr ? std::string_view() : text;
}

inline std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace dbgate::sql
