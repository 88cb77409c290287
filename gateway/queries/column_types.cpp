#include "gateway/queries/column_types.h"

#include <algorithm>
#include <array>

namespace dbgate::queries {
namespace {

struct Builtin {
  std::uint32_t oid;
  std::string_view name;
  ValueKind kind = ValueKind::text;
};

constexpr std::array<Builtin, 54> builtins = {{{16, "bool", ValueKind::boolean},
                                               {17, "bytea", ValueKind::bytea},
                                               {18, "char"},
                                               {19, "name"},
                                               {20, "int8", ValueKind::int8},
                                               {21, "int2", ValueKind::int2},
                                               {23, "int4", ValueKind::int4},
                                               {25, "text"},
                                               {26, "oid", ValueKind::oid},
                                               {27, "tid"},
                                               {28, "xid"},
                                               {114, "json"},
                                               {142, "xml"},
                                               {194, "pg_node_tree"},
                                               {199, "_json"},
                                               {600, "point"},
                                               {603, "box"},
                                               {604, "polygon"},
                                               {650, "cidr"},
                                               {700, "float4", ValueKind::float4},
                                               {701, "float8", ValueKind::float8},
                                               {705, "unknown"},
                                               {718, "circle"},
                                               {774, "macaddr8"},
                                               {790, "money"},
                                               {829, "macaddr"},
                                               {869, "inet"},
                                               {1000, "_bool"},
                                               {1003, "_name"},
                                               {1005, "_int2"},
                                               {1007, "_int4"},
                                               {1009, "_text"},
                                               {1015, "_varchar"},
                                               {1016, "_int8"},
                                               {1021, "_float4"},
                                               {1022, "_float8"},
                                               {1042, "bpchar"},
                                               {1043, "varchar"},
                                               {1082, "date", ValueKind::date},
                                               {1083, "time"},
                                               {1114, "timestamp", ValueKind::timestamp},
                                               {1184, "timestamptz", ValueKind::timestamptz},
                                               {1186, "interval"},
                                               {1231, "_numeric"},
                                               {1266, "timetz"},
                                               {1560, "bit"},
                                               {1562, "varbit"},
                                               {1700, "numeric", ValueKind::numeric},
                                               {2205, "regclass"},
                                               {2249, "record"},
                                               {2278, "void"},
                                               {2950, "uuid"},
                                               {3614, "tsvector"},
                                               {3802, "jsonb"}}};

const Builtin* find(std::uint32_t oid) noexcept {
  const auto* const at = std::lower_bound(builtins.begin(), builtins.end(), oid,
                                          [](const Builtin& type, std::uint32_t wanted) { return type.oid < wanted; });
  return at != builtins.end() && at->oid == oid ? at : nullptr;
}

}  // namespace

ValueKind kind_of_type(std::uint32_t oid) noexcept {
  const Builtin* const type = find(oid);
  return type == nullptr ? ValueKind::text : type->kind;
}

std::string_view builtin_type_name(std::uint32_t oid) noexcept {
  const Builtin* const type = find(oid);
  return type == nullptr ? std::string_view() : type->name;
}

bool is_free_text(std::uint32_t oid) noexcept {
  switch (kind_of_type(oid)) {
    case ValueKind::text:
      return true;
    default:
      return false;
  }
}

}  // namespace dbgate::queries
