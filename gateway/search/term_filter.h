#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::search {

/// The hash of a field and its value, or of two of them in one record.
using Term = std::uint64_t;

/// Terms, each once; keeps its room when it is cleared.
class TermSet {
 public:
  /// @return false if it was there
  bool insert(Term term);
  void clear();
  std::size_t size() const noexcept { return size_; }
  template <class Take>
  void for_each(Take&& take) const {
    for (const Term term : slots_)
      if (term != 0) take(term);
  }

 private:
  void grow();
  std::vector<Term> slots_ = std::vector<Term>(64);  // 0: free
  std::size_t size_ = 0;
};

/// Bytes from which one can tell that a term is not in the set; a Bloom filter of 16 bits and 8 places for each term,
/// so that one in 1 700 of the terms that are not there seems to be.
std::string make_term_filter(const TermSet& terms);
/// The filter of a block that may have anything.
inline const std::string any_term;
bool may_have(std::string_view filter, Term term) noexcept;

}  // namespace dbgate::search
