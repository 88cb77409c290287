#include "gateway/upstream/server_memory.h"

#include <algorithm>
#include <utility>

namespace dbgate::upstream {

ServerStatements::Statement* ServerStatements::find(const StatementKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  list_.splice(list_.begin(), list_, found->second);
  return &*found->second;
}

ServerStatements::Statement& ServerStatements::add(StatementKeyPtr key, std::uint64_t stretch) {
  const auto before = by_key_.find(*key);
  if (before != by_key_.end()) {
    replaced_.push_back(before->second->name);
    drop(before->second);
  }
  bytes_ += key->bytes.size();
  list_.push_front({key, "dbgate:" + std::to_string(++names_), stretch, false, 0});
  by_key_.emplace(std::move(key), list_.begin());
  return list_.front();
}

ServerStatements::Statement* ServerStatements::named(std::string_view name) {
  const auto at = std::find_if(list_.begin(), list_.end(), [name](const Statement& one) { return one.name == name; });
  return at == list_.end() ? nullptr : &*at;
}

void ServerStatements::give_key(std::string_view name, StatementKeyPtr key) {
  const auto at = std::find_if(list_.begin(), list_.end(), [name](const Statement& one) { return one.name == name; });
  if (at == list_.end() || *at->key == *key) return;
  if (const auto before = by_key_.find(*key); before != by_key_.end()) {
    replaced_.push_back(before->second->name);
    drop(before->second);
  }
  by_key_.erase(at->key);
  bytes_ += key->bytes.size() - at->key->bytes.size();
  at->key = key;
  by_key_.emplace(std::move(key), at);
}

void ServerStatements::confirm(std::string_view name) {
  if (Statement* const statement = named(name)) statement->confirmed = true;
}

void ServerStatements::note_result(std::string_view name, std::uint64_t result) {
  if (Statement* const statement = named(name)) statement->result = result;
}

void ServerStatements::remove(std::string_view name) {
  const auto at = std::find_if(list_.begin(), list_.end(), [name](const Statement& one) { return one.name == name; });
  if (at != list_.end()) return drop(at);
  std::erase(replaced_, name);
}

void ServerStatements::drop(List::iterator at) {
  bytes_ -= at->key->bytes.size();
  by_key_.erase(at->key);
  list_.erase(at);
}

void ServerStatements::close_all_later() {
  for (Statement& statement : list_)
    replaced_.push_back(std::move(statement.name));
  by_key_.clear();
  list_.clear();
  bytes_ = 0;
}

void ServerStatements::clear() {
  by_key_.clear();
  list_.clear();
  replaced_.clear();
  bytes_ = 0;
}

void ServerMemory::forget_outdated() {
  if (!catalog_changes) return;
  const std::uint64_t now = catalog_changes->load(std::memory_order_acquire);
  if (std::exchange(changes_seen, now) != now) statements.close_all_later();
}

// What is still on its way stays: nobody knows yet whether there is something to close.
std::string ServerStatements::take_surplus() {
  std::string name;
  if (!replaced_.empty()) {
    name = std::move(replaced_.front());
    replaced_.pop_front();
  } else if ((bytes_ > most_bytes || list_.size() > most_statements) && list_.size() > 1 && list_.back().confirmed) {
    name = list_.back().name;
    drop(std::prev(list_.end()));
  }
  return name;
}

}  // namespace dbgate::upstream
