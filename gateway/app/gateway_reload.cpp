#include <filesystem>

#include "config/endpoints.h"
#include "config/loader.h"
#include "gateway/adapters/stderr_log.h"
#include "gateway/app/directory.h"
#include "gateway/app/gateway.h"
#include "gateway/app/service_manager.h"
#include "gateway/app/sessions_here.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

// The configuration is read again while the gateway serves, and whoever runs it asks for that and other things.
namespace dbgate::app {

// A whole new snapshot, or the old one stays: never a mixture.
Reloaded Gateway::reload() {
  // Until it is in force.
  shared_.lifecycle.last_reload_good = false;
  Reloaded done{.version = shared_.current.get()->config.version};
  const auto since = std::chrono::system_clock::now();
  config::Loaded loaded = config::load_file(config_path_);
  operators_->read(files_to_watch(loaded.files, loaded.sources), since);
  for (const config::Problem& problem : loaded.problems) {
    const std::string text = problem.line_text();
    log::write(problem.warning ? log::Level::warn : log::Level::error, "config", text, {});
    done.problems.push_back(text);
  }
  if (!loaded.config) {
    log::error("gateway", "the configuration was not reloaded; the old one stays in force");
    return done;
  }
  auto file = std::make_shared<const config::Config>(std::move(*loaded.config));
  auto next = snapshot_of(*file, directory_.get(), config_directory(), nullptr);
  if (!next) {
    const Error why = next.error();
    log::error("gateway", "the configuration was not reloaded; the old one stays in force", {{"err", why.message()}});
    done.problems.push_back(config::Problem{config_path_, 0, 0, false, why.message()}.line_text());
    return done;
  }
  const auto applied = apply(std::move(*next));
  if (!applied) {
    log::error("gateway", "the configuration was not reloaded: the audit log cannot be written");
    done.problems.emplace_back("the audit log cannot be written");
    return done;
  }
  // What was said at the admin socket holds until the file says something else.
  if (file->log_level != file_->log_level) set_log_level(file->log_level);
  const std::lock_guard lock(file_mutex_);
  file_ = std::move(file);
  shared_.lifecycle.last_reload_good = true;
  shared_.lifecycle.reloaded_us = wall_clock_us();
  done.good = true;
  done.version = shared_.current.get()->config.version;
  return done;
}

// As by SIGHUP.
Reloaded Gateway::reload_as_told() {
  succession_->pass_on_reload();
  tell_service_manager_of_reload();
  Reloaded done = reload();
  tell_service_manager(done.good ? "READY=1\nSTATUS=serving"
                                 : "READY=1\nSTATUS=serving by the configuration before: see the log");
  return done;
}

Result<> Gateway::apply(std::shared_ptr<Snapshot> next) {
  const bool same_rules = next->rules == shared_.current.get()->rules;
  if (!same_rules) DBGATE_CHECK(record_reload(next->config.version));
  const std::string version = next->config.version;
  if (!same_rules) shared_.hosts->configure(*next);
  if (!same_rules) shared_.catalogs->configure(next->config);
  if (shared_.approval_news) shared_.approval_news->configure(next->config);
  if (!same_rules) shared_.models.configure(next->config.models);
  shared_.current.set(std::move(next));
  on_each_worker([](Worker& worker) { worker.end_revoked(); });
  if (access_ends_) access_ends_->look();
  if (!same_rules) log::info("gateway", "configuration reloaded", {{"config", version}});
  return boost::system::in_place_value;
}

Result<> Gateway::record_reload(const std::string& version) {
  std::string fields;
  audit::append_field(fields, "decision.policy_version", std::string_view(version));
  DBGATE_CHECK(own_chain_->append("config.reload", fields));
  const auto written = own_chain_->commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

void Gateway::set_log_level(const std::string& level) {
  log_level_ = level;
  log::set_level(adapters::level_named(level));
}

// Those of a file that could not be used as well: what is wrong with it may be one of them.
std::vector<std::string> Gateway::files_to_watch(const std::vector<std::string>& named,
                                                 const std::vector<config::SourceFile>& sources) const {
  std::vector<std::string> files;
  for (const auto& list : {named, file_->files, config::parts_to_watch(config_path_, sources),
                           config::parts_to_watch(config_path_, file_->sources)}) {
    for (const std::string& file : list)
      files.push_back(std::filesystem::absolute(file).string());
  }
  return files;
}

AdminStatus Gateway::admin_status() {
  AdminStatus status;
  status.state = left_ ? "leaving" : (draining_ ? "draining" : "serving");
  status.config = shared_.current.get()->config.version;
  status.last_reload_good = shared_.lifecycle.last_reload_good;
  status.reloaded_us = shared_.lifecycle.reloaded_us;
  status.connections = shared_.connections;
  status.log_level = log_level_;
  status.process_before = succession_->has_older();
  return status;
}

AdminTies Gateway::admin_ties() {
  AdminTies ties;
  ties.home = context_.get_executor();
  ties.reload = [this] { return reload_as_told(); };
  ties.drain = [this] { drain_as_told(); };
  ties.status = [this] { return admin_status(); };
  ties.set_log_level = [this](const std::string& level) { set_log_level(level); };
  ties.end_session = [this](std::string id, std::string by, std::string reason) -> Task<std::optional<Result<>>> {
    SessionsHere here(shared_, *own_chain_);
    auto ended = co_await here.end(std::move(id), std::move(by), std::move(reason));
    co_return ended;
  };
  return ties;
}

// A path that nobody has asked for need not be one that a socket can be at.
Result<> Gateway::open_operators(const config::Config& config) {
  log_level_ = config.log_level;
  operators_ = std::make_unique<OperatorSide>(admin_ties(), [this] {
    log::info("watch", "files of the configuration have changed; it is read again");
    reload_as_told();
  });
  const auto opened = operators_->open(config::admin_socket_of(config), succession_->has_older());
  if (!opened && !config.admin_socket.empty()) return opened;
  if (!opened) {
    const Error why = opened.error();
    log::warn("admin", "there is no admin socket", {{"err", why.message()}});
  }
  if (!watched_since_) return boost::system::in_place_value;
  operators_->watch_files();
  operators_->read(files_to_watch({}, {}), *watched_since_);
  return boost::system::in_place_value;
}

}  // namespace dbgate::app
