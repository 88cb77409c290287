#include "gateway/app/operator_side.h"

#include <boost/asio/executor_work_guard.hpp>

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 512u << 10;

}  // namespace

OperatorSide::OperatorSide(AdminTies ties, std::function<void()> files_changed)
    : ties_(std::move(ties)),
      files_changed_(std::move(files_changed)),
      socket_(context_,
              [this](std::string line, AdminPeer peer) { return answer_admin(ties_, std::move(line), peer); }) {}

OperatorSide::~OperatorSide() {
  stop();
}

void OperatorSide::watch_files() {
  files_ = std::make_unique<FileWatch>(context_, [this] { net::post_to(ties_.home, files_changed_); });
}

void OperatorSide::read(std::vector<std::string> files, FileWatch::Time since) {
  if (!files_) return;
  net::post_to(context_.get_executor(),
               [this, since, named = std::move(files)]() mutable { files_->watch(std::move(named), since); });
}

void OperatorSide::start() {
  socket_.publish();
  thread_ = std::make_unique<Thread>(stack_bytes, [this] {
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
  });
}

void OperatorSide::stop() {
  context_.stop();
  thread_.reset();
  socket_.close();
}

void OperatorSide::leave() {
  net::post_to(context_.get_executor(), [this] {
    socket_.retire();
    if (files_) files_->stop();
  });
}

}  // namespace dbgate::app
