#include "gateway/search/term_filter.h"

namespace dbgate::search {
namespace {

constexpr std::size_t bits_per_term = 16;
constexpr std::uint32_t places_per_term = 8;

// The places of a term in a filter of so many bits (Kirsch and Mitzenmacher, "Less hashing, same performance").
template <class Visit>
bool at_each_place(Term term, std::size_t bits, Visit&& visit) {
  auto place = static_cast<std::uint32_t>(term);
  const auto step = static_cast<std::uint32_t>(term >> 32) | 1u;
  for (std::uint32_t i = 0; i < places_per_term; ++i, place += step)
    if (!visit(static_cast<std::size_t>(std::uint64_t{place} * bits >> 32))) return false;
  return true;
}

}  // namespace

bool TermSet::insert(Term term) {
  if (term == 0) term = 1;
  if (2 * size_ >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = term & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask)
    if (slots_[at] == term) return false;
  slots_[at] = term;
  ++size_;
  return true;
}

void TermSet::grow() {
  std::vector<Term> old(2 * slots_.size());
  old.swap(slots_);
  size_ = 0;
  for (const Term term : old)
    if (term != 0) insert(term);
}

void TermSet::clear() {
  slots_.assign(slots_.size(), 0);
  size_ = 0;
}

std::string make_term_filter(const TermSet& terms) {
  std::string filter((bits_per_term * terms.size() + 7) / 8, '\0');
  terms.for_each([&filter](Term term) {
    at_each_place(term, 8 * filter.size(), [&filter](std::size_t bit) {
      filter[bit / 8] = static_cast<char>(static_cast<unsigned char>(filter[bit / 8]) | 1u << bit % 8);
      return true;
    });
  });
  return filter;
}

bool may_have(std::string_view filter, Term term) noexcept {
  if (filter.empty()) return true;
  if (term == 0) term = 1;  // as TermSet has it
  return at_each_place(term, 8 * filter.size(), [filter](std::size_t bit) {
    return (static_cast<unsigned char>(filter[bit / 8]) >> bit % 8 & 1u) != 0;
  });
}

}  // namespace dbgate::search
