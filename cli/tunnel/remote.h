#pragma once
#include <memory>
#include <span>
#include <string>

#include "cli/options.h"
#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/net/stream.h"

namespace dbgate::cli {

/// One connection to a target through the gateway's API: a WebSocket that carries its bytes.
class Remote {
 public:
  virtual ~Remote() = default;
  /// At least one byte, or 0 at the end of the stream.
  virtual Task<std::size_t> read_some(std::span<char> into) = 0;
  virtual Task<bool> write_all(std::string_view bytes) = 0;
  virtual Task<> close() = 0;
  /// What the gateway said when it closed; empty if nothing.
  virtual std::string close_reason() const = 0;
};

/// Opens one. Errors: 08006 the gateway cannot be reached, 28000 the token is not accepted, 3D000 no such target,
/// 57P01 the gateway is draining.
Task<Result<std::unique_ptr<Remote>>> open_remote(net::Executor executor, const Options& options, GatewayUrl url,
                                                  std::string token, std::string path);

}  // namespace dbgate::cli
