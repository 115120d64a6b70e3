#include "instructions.h"

#include <atomic>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lllite {
namespace {

std::atomic<Instructions>& inUse() {
  static std::atomic<Instructions> chosen{has(Instructions::AVX512) ? Instructions::AVX512 : Instructions::AVX2};
  return chosen;
}

}  // namespace

const char* nameOf(Instructions instructions) { return instructions == Instructions::AVX512 ? "AVX-512" : "AVX2"; }

#if defined(__x86_64__)

bool has(Instructions instructions) {
  __builtin_cpu_init();
  // Both conversions of float16 are F16C's, which GCC 10 and older cannot name.
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool hasF16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & (1u << 29)) != 0;
  const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && hasF16c;
  if (instructions == Instructions::AVX2) return hasAvx2;
  return hasAvx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool hasAmx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & (1u << 22)) != 0;
}

#else

bool has(Instructions) { return false; }
bool hasAmx() { return false; }

#endif

Instructions instructionsInUse() { return inUse().load(); }
void useInstructions(Instructions instructions) { inUse().store(instructions); }

}  // namespace lllite
