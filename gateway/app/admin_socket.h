#pragma once
#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <string>

#include "gateway/base/error.h"
#include "gateway/base/task.h"

namespace dbgate::app {

/// Who is at the other end, as the system says (unix(7), SO_PEERCRED).
struct AdminPeer {
  uid_t uid = 0;
  pid_t pid = 0;
};

struct AdminAnswer {
  std::string line;
  bool then_wait = false;  ///< the connection stays until this process, or the client, ends
};

/// A Unix socket for those who run this process: its own user and root. One line is asked and one is answered, by each
/// connection. On one thread, apart from open(), publish() and close(), which are called while it does not run.
class AdminSocket {
 public:
  using Answer = std::function<Task<AdminAnswer>(std::string line, AdminPeer peer)>;

  AdminSocket(boost::asio::io_context& context, Answer answer);
  ~AdminSocket();
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;

  /// Listens under a name of its own beside `path`.
  /// @param in_turn  whether who listens at `path` is this gateway's process before
  /// Errors: why the path cannot be used; nothing is there then that was not before.
  Result<> open(const std::string& path, bool in_turn);
  /// Takes the place of what is at the path, without a moment in which nothing is, and begins to answer; nothing if it
  /// was not opened.
  void publish();
  /// Answers those who are connected, and nobody new. The path is left to the next process. On the context's thread.
  void retire();
  /// Answers no more, and the path is removed if it is still this socket's.
  void close();

 private:
  struct Connections;
  using Protocol = boost::asio::local::stream_protocol;

  Task<> accept_loop();
  void begin(Protocol::socket accepted);
  void leave();
  static Task<> serve(std::shared_ptr<Protocol::socket> socket, Answer answer);

  Protocol::acceptor acceptor_;
  Answer answer_;
  std::shared_ptr<Connections> connections_;
  std::string path_;
  std::string own_name_;     // until it is published; empty then
  unsigned long inode_ = 0;  // of the name in the file system
};

}  // namespace dbgate::app
