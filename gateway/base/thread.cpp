#include "gateway/base/thread.h"

#include <system_error>

namespace dbgate {

Thread::Thread(std::size_t stack_bytes, std::function<void()> run) : run_(std::move(run)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  const auto main = [](void* self) -> void* {
    static_cast<Thread*>(self)->run_();
    return nullptr;
  };
  const int failed = pthread_create(&handle_, &attributes, main, this);
  pthread_attr_destroy(&attributes);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), "cannot start a thread");
}

Thread::~Thread() {
  pthread_join(handle_, nullptr);
}

}  // namespace dbgate
