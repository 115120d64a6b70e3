// Vectors of AVX-512. The file that includes this is compiled for these instructions.
#pragma once
#include <immintrin.h>

#include "product.h"

namespace lllite {
namespace {

using Vector = __m512;
constexpr int LANES = 16;
// Vectors across and rows of a tile that stays in registers.
constexpr int TILE_VECTORS = 4;

inline Vector zero() { return _mm512_setzero_ps(); }
inline Vector all(float value) { return _mm512_set1_ps(value); }
inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector multiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
inline Vector times(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
inline Vector squareRoot(Vector a) { return _mm512_sqrt_ps(a); }
// The second operand where one of them is not a number.
inline Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
inline Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
inline Vector absolute(Vector a) { return _mm512_abs_ps(a); }
inline Vector rounded(Vector a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// a · 2^n for a whole n.
inline Vector timesPower(Vector a, Vector n) { return _mm512_scalef_ps(a, n); }
// The sign of b, and the size of a.
inline Vector withSign(Vector a, Vector b) {
  const __m512i sign = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(sign, _mm512_castps_si512(b), _mm512_castps_si512(a), 0xca));
}
// a where x is above y, otherwise b.
inline Vector whereAbove(Vector x, Vector y, Vector a, Vector b) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_GT_OQ), b, a);
}
inline float sumOf(Vector a) { return _mm512_reduce_add_ps(a); }
inline Vector load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Vector value) { _mm512_storeu_ps(to, value); }

inline __mmask16 firstLanes(int count) { return static_cast<__mmask16>(count >= LANES ? 0xffff : (1u << count) - 1); }

inline Vector fromHalf(__m256i bits, Type type) {
  if (type == Type::F16) return _mm512_cvtph_ps(bits);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

template <Type TYPE>
inline Vector loadAll(const char* from) {
  if (TYPE == Type::F32) return _mm512_loadu_ps(from);
  return fromHalf(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), TYPE);
}

// Loads the first numbers, and zeros after them.
inline Vector load(const void* from, Type type, int count) {
  const __mmask16 mask = firstLanes(count);
  if (type == Type::F32) return _mm512_maskz_loadu_ps(mask, from);
  return fromHalf(_mm256_maskz_loadu_epi16(mask, from), type);
}

// Stores the first numbers as float32 or bfloat16, rounded to the nearest, ties to even.
inline void store(void* to, Type type, Vector value, int count) {
  const __mmask16 mask = firstLanes(count);
  if (type == Type::F32) {
    _mm512_mask_storeu_ps(to, mask, value);
    return;
  }
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 isNumber = _mm512_cmp_ps_mask(value, value, _CMP_ORD_Q);
  const __m512i kept = _mm512_mask_blend_epi32(isNumber, _mm512_set1_epi32(0x7fc00000), rounded);
  _mm256_mask_storeu_epi16(to, mask, _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
}

// Swaps rows and lanes.
inline void transpose(Vector* r) {
  Vector t[16];
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) {
    const __m512d a = _mm512_castps_pd(t[4 * i]), b = _mm512_castps_pd(t[4 * i + 1]);
    const __m512d c = _mm512_castps_pd(t[4 * i + 2]), d = _mm512_castps_pd(t[4 * i + 3]);
    r[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 4; j++) {
      t[8 * i + j] = _mm512_shuffle_f32x4(r[8 * i + j], r[8 * i + 4 + j], 0x88);
      t[8 * i + 4 + j] = _mm512_shuffle_f32x4(r[8 * i + j], r[8 * i + 4 + j], 0xdd);
    }
  }
  for (int j = 0; j < 8; j++) {
    r[j] = _mm512_shuffle_f32x4(t[j], t[8 + j], 0x88);
    r[8 + j] = _mm512_shuffle_f32x4(t[j], t[8 + j], 0xdd);
  }
}

}  // namespace
}  // namespace lllite
