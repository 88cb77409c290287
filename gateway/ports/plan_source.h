#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/schema.h"
#include "gateway/base/error.h"

namespace dbgate::ports {

/// A statement that is about to run, and what it would run with.
struct PlanRequest {
  config::Upstream server;                      ///< where, and as whom
  std::string database;                         ///< on that server
  std::map<std::string, std::string> settings;  ///< of the session, by name
  std::string text;                             ///< one statement that has a plan
  std::chrono::milliseconds timeout{2'000};     ///< for everything
};

/// What the server means to do, without having done any of it.
struct Plan {
  std::vector<std::string> lines;  ///< what EXPLAIN says; values of parameters are unknown to it
  double rows = 0;                 ///< estimated: that it changes, or else returns
};

/// Asks servers for plans. Blocks.
class PlanSource {
 public:
  virtual ~PlanSource() = default;

  /// In a transaction that may only read and is rolled back; the statement is planned, not run.
  /// Errors: 08006 the server cannot be reached or entered, or went away; 57014 it took too long; 54000 the plan is
  /// beyond all bounds; otherwise the server's own SQLSTATE.
  virtual Result<Plan> explain(const PlanRequest& request) = 0;
};

}  // namespace dbgate::ports
