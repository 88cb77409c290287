#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "gateway/app/admin_requests.h"
#include "gateway/app/admin_socket.h"
#include "gateway/app/file_watch.h"
#include "gateway/base/thread.h"

namespace dbgate::app {

/// What those who run this process reach it by: the admin socket, and the files that it was told to watch. With an
/// event loop and thread of their own.
class OperatorSide {
 public:
  OperatorSide(AdminTies ties, std::function<void()> files_changed);
  ~OperatorSide();
  OperatorSide(const OperatorSide&) = delete;
  OperatorSide& operator=(const OperatorSide&) = delete;

  /// AdminSocket::open().
  Result<> open(const std::string& path, bool in_turn) { return socket_.open(path, in_turn); }
  /// Before start(), or FileWatch sees nothing.
  void watch_files();
  /// FileWatch::watch(), if files are watched. Any thread.
  void read(std::vector<std::string> files, FileWatch::Time since);
  /// The socket that was opened takes its place, and answers.
  void start();
  /// Ends the loop and its thread. Connections stay open until this object goes: who waits sees the process end.
  void stop();
  /// Nobody new is answered, and no file is watched: that is the next process's.
  void leave();

 private:
  AdminTies ties_;
  std::function<void()> files_changed_;
  boost::asio::io_context context_{1};
  AdminSocket socket_;
  std::unique_ptr<FileWatch> files_;  // null: none are watched
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
