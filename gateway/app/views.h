#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/app/catalogs.h"
#include "gateway/app/live_models.h"
#include "gateway/app/snapshot.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::app {

/// What decides for sessions: the configuration in force and the catalogs as last read.
class Views final : public session::PolicySource {
 public:
  Views(const CurrentSnapshot& current, const LiveModels& models) : current_(current), models_(models) {}
  /// Before the first use. @param own_secret  what the key of masks comes from where none is configured
  void use(Catalogs& catalogs, std::string own_secret) {
    catalogs_ = &catalogs;
    own_secret_ = std::move(own_secret);
    tracks_ = current_.get()->config.limits.read_cache_bytes > 0;
  }

  /// What a server connection must be told for the principal's masks and filters.
  session::ServerSettings settings_for(const policy::Grants& grants) const;

  std::uint64_t version() const override { return current_.version() + catalogs_->version(); }
  session::PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                           std::int64_t now) const override;
  void catalog_changed(const std::string& target, const std::string& database) const override {
    catalogs_->invalidate(target, database);
  }
  /// Waits until the catalog has been read as often as was asked for, or cannot be: within a bound.
  Task<> catalog_read(std::string target, std::string database) const;

 private:
  void track(const Snapshot& snapshot, const std::string& target, const std::string& database,
             session::PolicyView& view) const;
  void see_through(const std::string& target, const std::string& database, const config::Target& settings,
                   session::PolicyView& view) const;
  void size(const std::string& target, const std::string& database, const config::Target& settings,
            session::PolicyView& view) const;
  std::shared_ptr<const catalog::Closure> closure_of(const SharedCatalog& snapshot) const;
  std::shared_ptr<const policy::Residues> residues_of(const SharedCatalog& snapshot, catalog::SearchPath path) const;

  const CurrentSnapshot& current_;
  const LiveModels& models_;
  Catalogs* catalogs_ = nullptr;
  std::string own_secret_;
  bool tracks_ = false;  // whether workers keep results; for good, so that no write is missed
  mutable session::Bursts bursts_;
  mutable std::mutex mutex_;
  mutable std::vector<std::weak_ptr<const catalog::Closure>> closures_;  ///< of snapshots that sessions judge by
  mutable std::vector<std::weak_ptr<const policy::Residues>> residues_;
};

}  // namespace dbgate::app
