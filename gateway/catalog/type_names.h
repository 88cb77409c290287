#pragma once
#include <string_view>

#include "gateway/catalog/resolver.h"

namespace dbgate::catalog {

/// The type that people write as `text` in a function's signature: by its name, by the SQL standard's name for it
/// (manual table 8.1), with its schema, with [] for an array. Null: there is none.
const Type* type_by_text(const Resolver& resolver, std::string_view text);

/// The relation that `text` stands for as a regclass: its OID or its name. Null: there is none, or a name is quoted.
const Relation* relation_by_text(const Resolver& resolver, std::string_view text);

/// Whether the server would convert a value of type `from` to `to` by itself where a function asks for `to`: the same
/// type, an implicit cast, a domain and its base type, arrays of such, a row of a child table, or a pseudo-type that
/// takes anything (manual ch. 10.3).
bool converts(const Snapshot& snapshot, Oid from, Oid to);

}  // namespace dbgate::catalog
