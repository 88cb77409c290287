#pragma once
#include <memory>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gateway/catalog/snapshot.h"

namespace dbgate::catalog {

/// Makes a Snapshot from rows, in any order. Every text is copied; what a row says of other objects may come later, or
/// never. Used by one thread, for one snapshot.
class SnapshotBuilder {
 public:
  void add(const Schema& row);
  void add(const Relation& row);  ///< its spans are made from the other rows
  void add_column(Oid relation, const Column& row);
  void add_parent(Oid child, Oid parent);
  void add_indexed(Oid relation, std::int16_t column);    ///< see Relation::indexed
  void add_virtual_part(Oid relation, VirtualPart part);  ///< see Relation::virtual_parts
  void add(const Rule& row);
  void add(const Trigger& row);
  void add(const ForeignKey& row);
  void add(const UniqueKey& row);
  void add(const Comment& row);
  void add(const Expression& row);
  void add(const Function& row);
  void add(const Operator& row);
  void add(const Type& row);
  /// One CHECK constraint of a domain; several are joined in the order they come.
  void add_check(Oid type, std::string_view definition);
  void add(const Cast& row);
  void add_unreadable(std::string_view catalog);
  /// The server's encoding is not UTF8; see Snapshot::wide_names() for those that follow.
  void set_other_encoding() { snapshot_->reads_utf8_ = false; }
  void add_wide_name(std::string_view name);

  /// Of all rows so far: a loader stops before a server makes the process run out of memory.
  std::size_t rows() const noexcept { return rows_; }
  std::size_t memory_bytes() const noexcept { return snapshot_->arena_.memory_bytes(); }

  /// The builder is spent afterwards. If nothing but statistics, comments and keys differ from `previous` (may be
  /// null), the snapshot carries its version again: what was decided by that version holds.
  std::shared_ptr<const Snapshot> build(std::uint64_t version, int server_version, const Snapshot* previous = nullptr);

 private:
  template <class T>
  using Owned = std::vector<std::pair<Oid, T>>;

  std::string_view keep(std::string_view text);
  std::span<const std::string_view> keep_names(std::span<const std::string_view> names);
  template <class T, class Give>
  void give(Owned<T>& rows, const Give& to);
  void give_relatives();
  void give_rules();
  void join_checks();
  void sort_rows();
  void index_oids();
  void index_names();

  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();
  std::unordered_set<std::string_view> known_;
  std::size_t rows_ = 0;
  Owned<Column> columns_;
  Owned<Oid> parents_;
  Owned<std::int16_t> indexed_;
  Owned<VirtualPart> virtual_parts_;
  Owned<std::string_view> checks_;
};

}  // namespace dbgate::catalog
