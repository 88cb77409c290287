#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "gateway/catalog/closure.h"

namespace dbgate::catalog {

/// What was read so far, for all threads. Nothing is ever changed or thrown away while the closure lives.
class Closure::Kept {
 public:
  enum class Kind : std::uint64_t { rule, expression, domain, function };

  /// @param id a position in the snapshot or an oid, by kind; `path` 0 where names do not depend on it
  template <class Make>
  const Contents& contents(Kind kind, std::uint32_t id, std::uint32_t path, const Make& make) {
    const std::uint64_t key = (static_cast<std::uint64_t>(kind) << 62) | (std::uint64_t{path} << 32) | id;
    {
      const std::shared_lock lock(mutex_);
      const auto found = contents_.find(key);
      if (found != contents_.end()) return *found->second;
    }
    // Reading takes long; two threads that read the same come to the same.
    auto made = std::make_unique<const Contents>(make());
    const std::unique_lock lock(mutex_);
    return *contents_.try_emplace(key, std::move(made)).first->second;
  }

  /// A number for a path. There are as many as functions set, and callers have.
  std::uint32_t number_of(const SearchPath& path) {
    {
      const std::shared_lock lock(mutex_);
      if (const std::uint32_t number = find(path); number != unknown) return number;
    }
    const std::unique_lock lock(mutex_);
    if (const std::uint32_t number = find(path); number != unknown) return number;
    paths_.push_back(path);
    return static_cast<std::uint32_t>(paths_.size() - 1);
  }

  const SearchPath& path(std::uint32_t number) const {
    const std::shared_lock lock(mutex_);
    return paths_[number];
  }

 private:
  static constexpr std::uint32_t unknown = UINT32_MAX;

  std::uint32_t find(const SearchPath& path) const {
    for (std::uint32_t i = 0; i < paths_.size(); ++i) {
      if (paths_[i] == path) return i;
    }
    return unknown;
  }

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::uint64_t, std::unique_ptr<const Contents>> contents_;
  std::deque<SearchPath> paths_;
};

}  // namespace dbgate::catalog
