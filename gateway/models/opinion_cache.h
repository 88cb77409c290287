#pragma once
#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/ports/risk_model.h"

namespace dbgate::models {

/// Opinions by key, the least used thrown out first where room is short. Whoever shares one holds a lock.
class OpinionCache {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit OpinionCache(std::size_t bytes) : most_bytes_(bytes) {}

  std::optional<ports::RiskOpinion> find(const std::string& key, Time now);
  void keep(const std::string& key, const ports::RiskOpinion& opinion, Time until);
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Entry {
    std::string key;
    ports::RiskOpinion opinion;
    Time until;
    std::size_t bytes = 0;
  };
  void drop(std::list<Entry>::iterator entry);

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // the latest used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
};

}  // namespace dbgate::models
