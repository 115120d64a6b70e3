// A pool of threads for products.
#pragma once
#include "product.h"

namespace lllite {

// Threads for one product at a time. While another thread of the program multiplies, the caller works alone.
class ThreadPool {
 public:
  explicit ThreadPool(int count);
  Threads threads();
  // Waits until the pool is free, or returns false.
  bool tryLock();
  void unlock();

 private:
  struct State;
  State* state_;
};

// The pool of the process. It has as many threads as TensorFlow uses for an op.
ThreadPool& sharedPool();

// Threads that are the caller alone.
Threads ownThread();

}  // namespace lllite
