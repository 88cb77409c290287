#include "gateway/catalog/wide_names.h"

#include <algorithm>

namespace dbgate::catalog {
namespace {

template <class Fails>
const sql::WideName* first(const Snapshot& snapshot, std::span<const sql::WideName> names, Fails&& fails) {
  if (snapshot.reads_utf8()) return nullptr;
  const auto found = std::find_if(names.begin(), names.end(), fails);
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

const sql::WideName* misread_name(const Snapshot& snapshot, std::span<const sql::WideName> names) {
  return first(snapshot, names, [known = snapshot.wide_names()](const sql::WideName& name) {
    return !name.exact || name.name.size() > most_name_bytes ||
           !std::binary_search(known.begin(), known.end(), std::string_view(name.name));
  });
}

const sql::WideName* cut_name(const Snapshot& snapshot, std::span<const sql::WideName> names) {
  return first(snapshot, names, [](const sql::WideName& name) { return name.name.size() > most_name_bytes; });
}

}  // namespace dbgate::catalog
