#pragma once
#include <atomic>
#include <cstddef>
#include <utility>

namespace dbgate {

/// One of those that are counted, for as long as it lives. Moves; what was moved from counts for nothing.
class Counted {
 public:
  Counted() = default;
  explicit Counted(std::atomic<std::size_t>& count) noexcept : count_(&count) { ++*count_; }
  Counted(Counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Counted& operator=(Counted&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~Counted() {
    if (count_ != nullptr) --*count_;
  }

 private:
  std::atomic<std::size_t>* count_ = nullptr;
};

}  // namespace dbgate
