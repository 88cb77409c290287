#include "gateway/app/views.h"

#include "gateway/auth/digests.h"
#include "gateway/base/log.h"
#include "gateway/policy/treat.h"
#include "gateway/rewrite/mask_sql.h"

namespace dbgate::app {

session::PolicyView Views::view(const std::string& user, const std::string& target, const std::string& database,
                                std::int64_t now) const {
  session::PolicyView view;
  view.version = version();  // first: what changes meanwhile is noticed
  const auto snapshot = current_.get();
  view.version_text = snapshot->config.version;
  view.names.database = database;
  const auto found = snapshot->targets.find(target);
  if (found == snapshot->targets.end() || !snapshot->users.contains(user)) return view;
  const config::Target& settings = found->second.settings;
  view.names.search_path = settings.search_path;
  const policy::TimedGrants timed = snapshot->grants_at(user, target, now);
  view.grants = timed.grants;
  view.from = timed.from;
  view.until = timed.until;
  if (view.grants) view.burst = bursts_.of(user, now);
  if (settings.engine == config::EngineKind::postgresql) {
    track(*snapshot, target, database, view);
    see_through(target, database, settings, view);
  }
  // Who may do everything needs no names; and a connection that nobody looks into has none.
  if (!view.grants || settings.engine != config::EngineKind::postgresql) return view;
  if (policy::risk_of(*view.grants).from.llm != config::ModelUse::off) {
    view.model = models_.current();
    view.model_names = snapshot->config.models.names;
  }
  if (policy::is_unrestricted(*view.grants) && !policy::commit_gate(*view.grants)) {
    if (policy::risk_of(*view.grants).acts()) size(target, database, settings, view);
    return view;
  }
  if (policy::hides(*view.grants)) view.settings = settings_for(*view.grants);
  view.catalog = catalogs_->current(target, database);
  view.ready = view.catalog != nullptr && catalogs_->pending(target, database) == 0;
  if (view.catalog) {
    view.resolver =
        std::make_shared<const catalog::Resolver>(*view.catalog, settings.search_path, settings.upstream.user);
    view.names.resolver = view.resolver.get();
    view.names.account = settings.upstream.user;
    if (policy::needs_closure(*view.grants)) {
      view.closure = closure_of(view.catalog);
      view.names.closure = view.closure.get();
    }
  }
  return view;
}

// How large tables are decides nothing but ratings: nobody waits for that.
void Views::size(const std::string& target, const std::string& database, const config::Target& settings,
                 session::PolicyView& view) const {
  view.catalog = catalogs_->current(target, database);
  if (!view.catalog) return;
  view.resolver =
      std::make_shared<const catalog::Resolver>(*view.catalog, settings.search_path, settings.upstream.user);
}

// What statements write has to be known wherever results may be kept, whoever sends them.
void Views::track(const Snapshot& snapshot, const std::string& target, const std::string& database,
                  session::PolicyView& view) const {
  view.tracks = tracks_;
  if (!view.tracks || !snapshot.policies.caches() || !view.grants) return;
  const bool settled = catalogs_->pending(target, database) == 0;
  view.catalog = catalogs_->current(target, database);
  if (view.catalog && settled) view.tracked = closure_of(view.catalog);
  view.names.account = snapshot.targets.find(target)->second.settings.upstream.user;
}

// What statements leave in the server process has to be known wherever another principal may have it next. Who may do
// everything waits for no catalog, after each DDL least of all: he is judged by the last one.
void Views::see_through(const std::string& target, const std::string& database, const config::Target& settings,
                        session::PolicyView& view) const {
  view.passes_on = settings.pool.mode != config::PoolMode::session || settings.pool.idle.count() > 0;
  if (!view.passes_on || !view.grants) return;
  const bool settled = policy::is_unrestricted(*view.grants) || catalogs_->pending(target, database) == 0;
  view.catalog = catalogs_->current(target, database);
  if (view.catalog && settled) {
    view.seen_through = residues_of(view.catalog, {settings.search_path, settings.upstream.user});
  }
  view.names.account = settings.upstream.user;
}

// The padded keys of HMAC (RFC 2104) are made here, so that a server needs no more than SHA-256 to hash with them.
session::ServerSettings Views::settings_for(const policy::Grants& grants) const {
  policy::ServerNeeds needs = policy::server_needs(grants);
  if (!needs.hash_key) return std::move(needs.settings);
  const std::string& configured = current_.get()->config.mask_key;
  std::string key = auth::sha256(configured.empty() ? "dbgate masks" + own_secret_ : configured);
  constexpr std::size_t block_bytes = 64;
  key.resize(block_bytes, '\0');
  const auto padded = [&key](char pad) {
    std::string bytes = key;
    for (char& byte : bytes)
      byte = static_cast<char>(byte ^ pad);
    return auth::base64_encode(bytes);
  };
  needs.settings[std::string(rewrite::inner_key_setting)] = padded('\x36');
  needs.settings[std::string(rewrite::outer_key_setting)] = padded('\x5c');
  return std::move(needs.settings);
}

// One for all sessions, so that each text of the catalog is read once.
std::shared_ptr<const catalog::Closure> Views::closure_of(const SharedCatalog& snapshot) const {
  const std::lock_guard lock(mutex_);
  std::erase_if(closures_, [](const auto& closure) { return closure.expired(); });
  for (const std::weak_ptr<const catalog::Closure>& known : closures_) {
    auto closure = known.lock();
    if (closure && &closure->snapshot() == snapshot.get()) return closure;
  }
  auto closure = std::make_shared<const catalog::Closure>(snapshot);
  closures_.push_back(closure);
  return closure;
}

std::shared_ptr<const policy::Residues> Views::residues_of(const SharedCatalog& snapshot,
                                                           catalog::SearchPath path) const {
  auto closure = closure_of(snapshot);
  const std::lock_guard lock(mutex_);
  std::erase_if(residues_, [](const auto& residues) { return residues.expired(); });
  for (const std::weak_ptr<const policy::Residues>& known : residues_) {
    auto residues = known.lock();
    if (residues && &residues->snapshot() == snapshot.get() && residues->path() == path) return residues;
  }
  auto residues = std::make_shared<const policy::Residues>(std::move(closure), std::move(path));
  residues_.push_back(residues);
  return residues;
}

Task<> Views::catalog_read(std::string target, std::string database) const {
  const CatalogTicket ticket = catalogs_->pending(target, database);
  const auto catalog = co_await catalogs_->fresh(target, database, ticket);
  if (!catalog) {
    log::warn("catalog", "statements wait for a catalog in vain",
              {{"target", target}, {"database", database}, {"reason", catalog.error().message()}});
  }
}

}  // namespace dbgate::app
