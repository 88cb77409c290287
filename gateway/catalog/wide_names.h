#pragma once
#include <span>

#include "gateway/catalog/snapshot.h"
#include "gateway/sql/facts.h"

// Names with letters beyond ASCII in databases whose encoding is not UTF8. The server converts a text first and then
// folds what is not quoted with the letters of its locale and cuts it to 63 bytes of its own (scansup.c,
// downcase_identifier and truncate_identifier; NAMEDATALEN in pg_config_manual.h); dbgate reads the text as UTF-8. Two
// letters may become one (EUC_JP: U+00A6 and U+FFE4), too.
namespace dbgate::catalog {

/// What a name may have in UTF-8, and PostgreSQL does not cut; NAMEDATALEN - 1.
inline constexpr std::size_t most_name_bytes = 63;

/// The first name in a text of a client, or in the source of a function, that this server may take for another than
/// dbgate does: all but those that stand in quotes, without escapes, as the catalog has them. Null: none; so where
/// the encoding is UTF8.
const sql::WideName* misread_name(const Snapshot& snapshot, std::span<const sql::WideName> names);

/// The first that dbgate would cut and this server need not, in a text that the server has printed: what it prints is
/// quoted and means itself. Null as above.
const sql::WideName* cut_name(const Snapshot& snapshot, std::span<const sql::WideName> names);

}  // namespace dbgate::catalog
