// What checking passwords costs, and what those who work feel of it.
//
// Usage: bench_argon2_latency [SECONDS]   (default 10, for each line)
// First the time of one hash with several parameters. Then a worker that wakes a thousand times a second and works for
// 100 µs, one for each core, while 50 passwords a second are hashed by threads of each scheduling class: how late it
// is done (from when it should have woken), and how many hashes were made.
#include <argon2.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

void hash_once(std::uint32_t memory_kib, std::uint32_t passes) {
  std::array<unsigned char, 32> out{};
  argon2id_hash_raw(passes, memory_kib, 1, "correct horse", 13, "0123456789abcdef", 16, out.data(), out.size());
}

double ms_of(std::uint32_t memory_kib, std::uint32_t passes) {
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto before = Clock::now();
    hash_once(memory_kib, passes);
    best = std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  return best;
}

enum class Class { none, normal, batch, idle };

void enter(Class scheduling) {
  const sched_param none{};
  if (scheduling == Class::batch) {
    sched_setscheduler(0, SCHED_BATCH, &none);
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19);
  }
  if (scheduling == Class::idle) sched_setscheduler(0, SCHED_IDLE, &none);
}

void work(std::atomic<bool>& stop, std::vector<double>& late_us) {
  auto due = Clock::now();
  while (!stop) {
    due += microseconds(1000);
    std::this_thread::sleep_until(due);
    const auto until = Clock::now() + microseconds(100);
    while (Clock::now() < until) {
    }
    late_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - due).count());
  }
}

void run(const char* name, Class scheduling, int seconds) {
  std::atomic<bool> stop = false;
  std::atomic<int> hashes = 0;
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::vector<double>> late(cores);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < cores; ++i)
    threads.emplace_back([&, i] { work(stop, late[i]); });
  const auto begin = Clock::now();
  for (unsigned i = 0; i < std::max(1u, cores / 2) && scheduling != Class::none; ++i) {
    threads.emplace_back([&] {
      enter(scheduling);
      while (!stop) {
        // 50 a second over all threads, or as many as there is time for.
        const auto due = begin + microseconds(20'000) * hashes++;
        std::this_thread::sleep_until(due);
        hash_once(19u << 10, 2);
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  std::vector<double> all;
  for (const auto& part : late)
    all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) {
    return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
  };
  std::printf("%-12s %6.1f hashes/s   done after p50 %7.1f  p99 %8.1f  p99.9 %8.1f us\n", name,
              static_cast<double>(hashes) / seconds, at(0.5), at(0.99), at(0.999));
}

}  // namespace

int main(int count, char** arguments) {
  const int seconds = count > 1 ? std::atoi(arguments[1]) : 10;
  for (const auto& [mib, passes] :
       std::vector<std::pair<std::uint32_t, std::uint32_t>>{{7, 5}, {12, 3}, {19, 2}, {46, 1}, {64, 3}})
    std::printf("%3u MiB, %u passes: %6.1f ms\n", mib, passes, ms_of(mib << 10, passes));
  run("no hashing", Class::none, seconds);
  run("SCHED_OTHER", Class::normal, seconds);
  run("BATCH nice19", Class::batch, seconds);
  run("SCHED_IDLE", Class::idle, seconds);
  return 0;
}
