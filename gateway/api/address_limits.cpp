#include "gateway/api/address_limits.h"

#include "gateway/api/rate_limit.h"

namespace dbgate::api {

std::shared_ptr<AddressLimits::Slot> AddressLimits::take(const std::string& address, std::size_t most,
                                                         std::size_t most_of_one) {
  const std::string group = address_group(address);
  const auto found = counts_.find(group);
  const std::size_t of_this = found == counts_.end() ? 0 : found->second;
  if ((most > 0 && all_ >= most) || (most_of_one > 0 && of_this >= most_of_one)) return nullptr;
  ++counts_[group];
  ++all_;
  return std::make_shared<Slot>(*this, group);
}

void AddressLimits::Slot::release() noexcept {
  if (limits_ == nullptr) return;
  const auto found = limits_->counts_.find(group_);
  if (--found->second == 0) limits_->counts_.erase(found);
  --limits_->all_;
  limits_ = nullptr;
}

}  // namespace dbgate::api
