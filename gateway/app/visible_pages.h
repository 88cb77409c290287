#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>

#include "gateway/base/error.h"
#include "gateway/ports/store_records.h"

namespace dbgate::app {

/// A page of what may be seen, of a list that has other people's in it as well. Reads at most `most_reads` pages of the
/// store for it: there may be less on it than was asked for, and more behind.
/// @param read    a page of the store: Result<Listed<Item>>(const store::Page&)
/// @param sees    whether it is shown: bool(const Item&)
/// @param show    how: View(Item)
/// @param cursor  of what is shown last: store::Cursor(const View&)
template <class View, class Read, class Sees, class Show, class CursorOf>
Result<ports::store::Listed<View>> visible_page(const ports::store::Page& page, Read read, Sees sees, Show show,
                                                CursorOf cursor) {
  // Who sees little does not make the store read everything at once.
  constexpr std::size_t store_page = 200, most_reads = 20;
  ports::store::Listed<View> seen;
  ports::store::Page next = page;
  next.limit = std::max(page.limit, store_page);
  for (std::size_t reads = 0; reads < most_reads; ++reads) {
    DBGATE_TRY(auto listed, read(next));
    for (auto& item : listed.items) {
      if (!sees(item)) continue;
      if (seen.items.size() == page.limit) {
        seen.next = cursor(seen.items.back());
        return seen;
      }
      seen.items.push_back(show(std::move(item)));
    }
    seen.next = listed.next;
    if (!listed.next) return seen;
    next.after = listed.next;
  }
  return seen;
}

}  // namespace dbgate::app
