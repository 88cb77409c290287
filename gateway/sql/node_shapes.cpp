#include <array>

#include "gateway/sql/parse_tree.h"

namespace dbgate::sql {
namespace {

// One array of offsets per node type. offsetof of a pointer member is fine in these C structs; each list ends with a
// sentinel, so that a type without children has an array too.
#define NODE_BEGIN(type) constexpr std::uint16_t type##_children[] = {
#define NODE_CHILD(type, field) offsetof(type, field),
#define NODE_END(type) \
  0xffff               \
  }                    \
  ;
#include "node_fields.inc"
#undef NODE_BEGIN
#undef NODE_CHILD
#undef NODE_END

constexpr std::size_t tag_limit = 1024;

constexpr std::array<NodeShape, tag_limit> make_shapes() {
  std::array<NodeShape, tag_limit> shapes{};
#define NODE_BEGIN(type) \
  shapes[T_##type] = {#type, type##_children, sizeof(type##_children) / sizeof(type##_children[0]) - 1};
#define NODE_CHILD(type, field)
#define NODE_END(type)
#include "node_fields.inc"
#undef NODE_BEGIN
#undef NODE_CHILD
#undef NODE_END
  return shapes;
}

constexpr std::array<NodeShape, tag_limit> shapes = make_shapes();
constexpr NodeShape unknown_shape{};

}  // namespace

const NodeShape& shape_of(NodeTag tag) noexcept {
  const auto index = static_cast<std::size_t>(tag);
  return index < tag_limit ? shapes[index] : unknown_shape;
}

}  // namespace dbgate::sql
