#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace dbgate::api {

/// Counts connections, in all and of each address. One thread.
class AddressLimits {
  struct Counts {
    std::map<std::string, std::size_t> by_group;
    std::size_t all = 0;
  };

 public:
  /// While it lives, a connection counts. May outlive the limits: connections end when their event loop does.
  class Slot {
   public:
    Slot(std::shared_ptr<Counts> counts, std::string group) : counts_(std::move(counts)), group_(std::move(group)) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { release(); }
    /// It counts no longer: somebody else limits it from here on.
    void release() noexcept;

   private:
    std::shared_ptr<Counts> counts_;  // null: released
    std::string group_;
  };

  /// @param most, most_of_one  0: no limit
  /// @return null if there is no room
  std::shared_ptr<Slot> take(const std::string& address, std::size_t most, std::size_t most_of_one);
  std::size_t size() const noexcept { return counts_->all; }

 private:
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace dbgate::api
