#pragma once
#include <string>

#include "gateway/catalog/closure.h"

namespace dbgate::catalog {

/// Appends what a statement's names stand for: of every relation on its way the OID, columns and rules, of every
/// function the OID and body. Two statements of one text for which it is the same do the same to the same objects.
/// Bytes for hashing, not for people; as long as the definitions are.
void append_definitions(std::string& out, const Snapshot& snapshot, const Reach& reach);

}  // namespace dbgate::catalog
