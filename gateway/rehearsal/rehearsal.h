#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/schema.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::rehearsal {

/// What would be decided about a text.
struct Outcome {
  std::string effect;  ///< allow, mask (with masks or row filters), log_only, deny; error: no statement, or no such user and target
  std::string rule;
  std::vector<std::string> reasons;
  std::string message;  ///< for the client; empty if allowed
};

/// Decides by a configuration as its gateway would, for anybody and any time, as far as that can be said without a
/// server: there is no catalog, so names are judged as they are written, wherever they could lead, and not what is
/// behind a view or a function. Statements stand alone: what EXECUTE and FETCH name is not known.
class Rehearsal {
 public:
  /// @param config is kept by reference
  explicit Rehearsal(const config::Config& config);
  ~Rehearsal();

  /// @param target name, or name/database
  /// @param at seconds since 1970 UTC
  /// Needs the stack that gateway/sql asks for: call it inside run().
  Outcome judge(const std::string& user, const std::string& target, const std::string& text, std::int64_t at) const;

  /// Calls `work` on a thread with that stack and returns when it has ended. Errors: parser and headers disagree.
  static Result<> run(const std::function<void()>& work);

 private:
  class Source;
  const config::Config& config_;
  std::unique_ptr<Source> source_;
};

}  // namespace dbgate::rehearsal
