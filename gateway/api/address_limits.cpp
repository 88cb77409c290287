#include "gateway/api/address_limits.h"

#include "gateway/api/rate_limit.h"

namespace dbgate::api {

std::shared_ptr<AddressLimits::Slot> AddressLimits::take(const std::string& address, std::size_t most,
                                                         std::size_t most_of_one) {
  const std::string group = address_group(address);
  const auto found = counts_->by_group.find(group);
  const std::size_t of_this = found == counts_->by_group.end() ? 0 : found->second;
  if ((most > 0 && counts_->all >= most) || (most_of_one > 0 && of_this >= most_of_one)) return nullptr;
  ++counts_->by_group[group];
  ++counts_->all;
  return std::make_shared<Slot>(counts_, group);
}

void AddressLimits::Slot::release() noexcept {
  if (!counts_) return;
  const auto found = counts_->by_group.find(group_);
  if (--found->second == 0) counts_->by_group.erase(found);
  --counts_->all;
  counts_.reset();
}

}  // namespace dbgate::api
