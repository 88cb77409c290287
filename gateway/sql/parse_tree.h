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
