// Vectors of AVX2. The file that includes this is compiled for these instructions.
#pragma once
#include <immintrin.h>

#include <cstring>

#include "product.h"

namespace lllite {
namespace {

using Vector = __m256;
constexpr int LANES = 8;
// Vectors across of a tile that stays in registers. There are 16 registers, half of those of AVX-512.
constexpr int TILE_VECTORS = 2;

inline Vector zero() { return _mm256_setzero_ps(); }
inline Vector all(float value) { return _mm256_set1_ps(value); }
inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector multiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
inline Vector times(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
inline Vector squareRoot(Vector a) { return _mm256_sqrt_ps(a); }
// The second operand where one of them is not a number.
inline Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
inline Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
// The sign of b, and the size of a.
inline Vector withSign(Vector a, Vector b) {
  const Vector sign = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_and_ps(sign, b), _mm256_andnot_ps(sign, a));
}
inline Vector absolute(Vector a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
inline Vector rounded(Vector a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// 2^n for a whole n of -126 to 127.
inline Vector power(__m256i n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
// a · 2^n for a whole n of -252 to 254. A float has no 2^n for all of them, so there are two factors.
inline Vector timesPower(Vector a, Vector n) {
  const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
  return times(times(a, power(half)), power(_mm256_sub_epi32(whole, half)));
}
// a where x is above y, otherwise b.
inline Vector whereAbove(Vector x, Vector y, Vector a, Vector b) {
  return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_GT_OQ));
}
inline float sumOf(Vector a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline Vector load(const float* from) { return _mm256_loadu_ps(from); }
inline void store(float* to, Vector value) { _mm256_storeu_ps(to, value); }

inline __m256i firstLanes(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Vector fromHalf(__m128i bits, Type type) {
  if (type == Type::F16) return _mm256_cvtph_ps(bits);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

template <Type TYPE>
inline Vector loadAll(const char* from) {
  if (TYPE == Type::F32) return _mm256_loadu_ps(reinterpret_cast<const float*>(from));
  return fromHalf(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), TYPE);
}

// Loads the first numbers, and zeros after them.
inline Vector load(const void* from, Type type, int count) {
  if (type == Type::F32) return _mm256_maskload_ps(static_cast<const float*>(from), firstLanes(count));
  if (count >= LANES) return fromHalf(_mm_loadu_si128(static_cast<const __m128i*>(from)), type);
  // AVX2 has no masks for 16 bits.
  __m128i bits = _mm_setzero_si128();
  std::memcpy(&bits, from, 2 * static_cast<unsigned>(count));
  return fromHalf(bits, type);
}

// Stores the first numbers as float32 or bfloat16, rounded to the nearest, ties to even.
inline void store(void* to, Type type, Vector value, int count) {
  if (type == Type::F32) {
    _mm256_maskstore_ps(static_cast<float*>(to), firstLanes(count), value);
    return;
  }
  const __m256i bits = _mm256_castps_si256(value);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i isNumber = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_ORD_Q));
  const __m256i kept = _mm256_srli_epi32(_mm256_blendv_epi8(_mm256_set1_epi32(0x7fc00000), rounded, isNumber), 16);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(kept, kept), 0xd8);
  const __m128i halves = _mm256_castsi256_si128(packed);
  if (count >= LANES) _mm_storeu_si128(static_cast<__m128i*>(to), halves);
  else std::memcpy(to, &halves, 2 * static_cast<unsigned>(count));
}

// Swaps rows and lanes.
inline void transpose(Vector* r) {
  Vector t[8];
  for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    const Vector low = r[i], high = r[4 + i];
    r[i] = _mm256_permute2f128_ps(low, high, 0x20);
    r[4 + i] = _mm256_permute2f128_ps(low, high, 0x31);
  }
}

}  // namespace
}  // namespace lllite
