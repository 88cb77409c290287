#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace dbgate::session {

/// A queue in one piece of memory, which it keeps while it is used: a queue that runs empty now and then allocates
/// nothing. (std::deque holds 600 bytes when empty, and allocates again and again as it moves on.)
///
/// emplace_back() invalidates references, as that of a vector does.
template <class Item>
class Fifo {
 public:
  bool empty() const noexcept { return head_ == items_.size(); }
  std::size_t size() const noexcept { return items_.size() - head_; }
  Item& front() { return items_[head_]; }
  const Item& front() const { return items_[head_]; }
  Item& back() { return items_.back(); }
  const Item& back() const { return items_.back(); }
  auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const { return items_.end(); }

  Item& emplace_back() {
    // A queue that never runs empty moves back now and then, each item once in as many.
    if (head_ > 32 && head_ * 2 > items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    return items_.emplace_back();
  }
  void pop_front() {
    items_[head_] = Item();
    if (++head_ < items_.size()) return;
    items_.clear();
    head_ = 0;
  }
  /// Gives unused memory back.
  void trim() {
    if (empty()) std::vector<Item>().swap(items_);
  }

 private:
  std::vector<Item> items_;
  std::size_t head_ = 0;  // of items_, the first that is in the queue
};

}  // namespace dbgate::session
