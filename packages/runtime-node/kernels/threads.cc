#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

namespace lllite {
namespace {

// How often a thread looks for work, or for the end of it, before it lets others run: some tens of microseconds.
// Products of a network follow one another that soon.
constexpr int LOOKS = 1000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct Memory {
  float* floats = nullptr;
  long size = 0;
  ~Memory() { std::free(floats); }
  float* atLeast(long wanted) {
    if (wanted > size) {
      std::free(floats);
      // A multiple of pages, as aligned_alloc asks for.
      floats = static_cast<float*>(std::aligned_alloc(64, (wanted * 4 + 4095) / 4096 * 4096));
      size = floats == nullptr ? 0 : wanted;
      if (floats == nullptr) throw std::bad_alloc();
    }
    return floats;
  }
};

thread_local Memory memories[3];

void runAlone(void*, long count, void (*work)(void*, long), void* context) {
  for (long i = 0; i < count; i++) work(context, i);
}

}  // namespace

float* threadMemory(int number, long floats) { return memories[number].atLeast(floats); }
float* sharedMemory(long floats) { return memories[2].atLeast(floats); }

struct ThreadPool::State {
  int count;
  std::mutex user;
  std::mutex mutex;
  std::condition_variable wake;
  // Rounds of work that have begun.
  std::atomic<long> round{0};
  // Whether threads may take items of the round.
  std::atomic<bool> open{false};
  std::atomic<long> next{0};
  // Threads that may read the round's work. A thread that comes late finds the round closed, and nobody waits for it.
  std::atomic<int> active{0};
  std::atomic<bool> failed{false};
  long items = 0;
  void (*work)(void*, long) = nullptr;
  void* context = nullptr;

  void takeItems() {
    try {
      for (long i = next.fetch_add(1); i < items; i = next.fetch_add(1)) work(context, i);
    } catch (...) {
      failed = true;
    }
  }

  void serve() {
    for (long seen = 0;;) {
      for (int look = 0; look < LOOKS && round.load() == seen; look++) pause();
      if (round.load() == seen) {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, [&] { return round.load() != seen; });
      }
      seen = round.load();
      active.fetch_add(1);
      if (open.load()) takeItems();
      active.fetch_sub(1);
    }
  }

  void run(long all, void (*what)(void*, long), void* with) {
    if (all == 1) {
      what(with, 0);
      return;
    }
    items = all;
    work = what;
    context = with;
    next = 0;
    failed = false;
    open = true;
    {
      std::lock_guard<std::mutex> lock(mutex);
      round.fetch_add(1);
    }
    wake.notify_all();
    takeItems();
    open = false;
    for (int look = 0; active.load() > 0; look++) {
      if (look < LOOKS) pause();
      else std::this_thread::yield();
    }
    if (failed) throw std::bad_alloc();
  }
};

ThreadPool::ThreadPool(int count) : state_(new State) {
  state_->count = count;
  // The threads live as long as the process. They hold nothing that an exit would have to save.
  for (int i = 1; i < count; i++) std::thread([state = state_] { state->serve(); }).detach();
}

Threads ThreadPool::threads() {
  return {state_->count,
          [](void* state, long count, void (*work)(void*, long), void* context) {
            static_cast<State*>(state)->run(count, work, context);
          },
          state_};
}

bool ThreadPool::tryLock() { return state_->user.try_lock(); }
void ThreadPool::unlock() { state_->user.unlock(); }

ThreadPool& sharedPool() {
  const char* chosen = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int wanted = chosen == nullptr ? 0 : std::atoi(chosen), most = static_cast<int>(std::thread::hardware_concurrency());
  // It is never deleted, since its threads never end.
  static ThreadPool* const pool = new ThreadPool(wanted > 0 ? wanted : most > 0 ? most : 1);
  return *pool;
}

Threads ownThread() { return {1, runAlone, nullptr}; }

}  // namespace lllite
