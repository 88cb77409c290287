#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/ports/audit_sink.h"
#include "gateway/proof/entries.h"

namespace dbgate::sinks {

/// Records that were read, of several chains, each chain in its order.
class Batch {
 public:
  struct Item {
    std::string chain;
    std::uint64_t sequence = 0;
    proof::Place behind;  ///< where the record after it begins
    std::string line;
  };
  bool empty() const noexcept { return items_.empty(); }
  std::size_t size() const noexcept { return items_.size(); }
  std::uint64_t bytes() const noexcept { return bytes_; }
  const Item& front() const noexcept { return items_.front(); }
  const std::deque<Item>& items() const noexcept { return items_; }

  void add(Item item) {
    bytes_ += item.line.size();
    items_.push_back(std::move(item));
  }
  void drop_front() {
    bytes_ -= items_.front().line.size();
    items_.pop_front();
  }
  void clear() {
    items_.clear();
    bytes_ = 0;
  }
  /// Views into this, until it is changed.
  std::vector<ports::SinkRecord> records() const {
    std::vector<ports::SinkRecord> all;
    all.reserve(items_.size());
    for (const Item& item : items_)
      all.push_back({item.chain, item.sequence, item.line});
    return all;
  }

 private:
  std::deque<Item> items_;
  std::uint64_t bytes_ = 0;
};

/// The chains of a log, each read from where it is.
using Readers = std::map<std::string, std::unique_ptr<proof::Entries>, std::less<>>;

}  // namespace dbgate::sinks
