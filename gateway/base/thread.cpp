#include "gateway/base/thread.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

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

// SCHED_IDLE rather than nice 19: a thread of any other class takes the processor from it the moment it wakes
// (sched(7)); docs/identity.md has the measurement. Whoever may not choose is merely nicer.
void run_when_idle() noexcept {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
}

}  // namespace dbgate
