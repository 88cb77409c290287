// Preloaded into a program, moves its wall clock by DBGATE_TEST_CLOCK_OFFSET seconds; its monotonic clock stays.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec* time) {
  static int (*real)(clockid_t, struct timespec*);
  static time_t offset;
  if (real == NULL) {
    const char* const text = getenv("DBGATE_TEST_CLOCK_OFFSET");
    offset = text == NULL ? 0 : atol(text);
    real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  }
  const int failed = real(clock, time);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += offset;
  return failed;
}
