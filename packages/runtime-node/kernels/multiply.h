// The product of tokens with weights, written for any vector. It is included once for each kind of instructions, and
// all of it is local to that file, since a function of AVX-512 must not stand for the same one of another file.
//
// One operand is read as vectors, the other one number by number, and a tile of sums stays in registers. Which operand
// is which follows from the weights' order, so that their rows are read as they lie: they are the single numbers of
// x Wᵀ, and the vectors of x W. Weights are cast to float32 as they are copied into the cache, once for 256 tokens.
// While one part is multiplied, the next part of the weights is fetched. Source of the blocking: Goto and van de Geijn,
// "Anatomy of High-Performance Matrix Multiplication", 2008.
#pragma once
#include "product.h"

namespace lllite {
namespace {

// Numbers of a sum that are multiplied at once.
constexpr long DEPTH = 128;
// Rows of a tile that stays in registers.
constexpr int TILE_ROWS = 6;
constexpr int TILE_COLUMNS = TILE_VECTORS * LANES;
// Tokens are packed in blocks of 16, and multiplied in groups of blocks.
constexpr int BLOCK = 16;
constexpr long GROUP = 16;
// Outputs that one thread computes at once: rows, or columns.
constexpr long MOST_ROWS = 96;
constexpr long MOST_COLUMNS = 320;

inline long least(long a, long b) { return a < b ? a : b; }
inline long parts(long all, long size) { return (all + size - 1) / size; }
inline long upTo(long value, long step) { return parts(value, step) * step; }
inline const char* at(const void* base, long index, Type type) {
  return static_cast<const char*>(base) + index * sizeOf(type);
}

// Lines of memory that are fetched bit by bit while something else is computed.
class Ahead {
 public:
  void set(const char* from, long rowBytes, long strideBytes, long rows, long steps) {
    line_ = from;
    perRow_ = parts(rowBytes + reinterpret_cast<unsigned long>(from) % 64, 64);
    skip_ = strideBytes - 64 * perRow_;
    left_ = perRow_ * rows;
    each_ = parts(left_, steps);
    inRow_ = 0;
  }
  void none() { left_ = 0; }
  void step() {
    const long count = least(each_, left_);
    left_ -= count;
    for (long i = 0; i < count; i++) {
      __builtin_prefetch(line_, 0, 2);
      line_ += 64;
      if (++inRow_ == perRow_) {
        inRow_ = 0;
        line_ += skip_;
      }
    }
  }

 private:
  const char* line_ = nullptr;
  long perRow_ = 1, skip_ = 0, left_ = 0, each_ = 0, inRow_ = 0;
};

// c [ROWS, VECTORS * LANES] (+)= a [ROWS, depth] b [depth, VECTORS * LANES]. Rows of a are DEPTH apart.
template <int ROWS, int VECTORS>
__attribute__((noinline)) void tile(long depth, const float* a, const float* b, float* c, long stride, bool sums) {
  Vector sum[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int i = 0; i < ROWS; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) sum[i][j] = sums ? load(c + i * stride + j * LANES) : zero();
  }
  for (const float* end = a + depth; a < end; a++) {
    Vector across[VECTORS];
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) across[j] = load(b + j * LANES);
#pragma GCC unroll 6
    for (int i = 0; i < ROWS; i++) {
      const Vector one = all(a[i * DEPTH]);
#pragma GCC unroll 4
      for (int j = 0; j < VECTORS; j++) sum[i][j] = multiplyAdd(one, across[j], sum[i][j]);
    }
    b += VECTORS * LANES;
  }
#pragma GCC unroll 6
  for (int i = 0; i < ROWS; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) store(c + i * stride + j * LANES, sum[i][j]);
  }
}

using Tile = void (*)(long, const float*, const float*, float*, long, bool);

template <int ROWS>
Tile tileOf(int vectors) {
  switch (vectors) {
    case 1: return tile<ROWS, 1>;
    case 2: return tile<ROWS, TILE_VECTORS < 2 ? 1 : 2>;
    case 3: return tile<ROWS, TILE_VECTORS < 3 ? 1 : 3>;
    default: return tile<ROWS, TILE_VECTORS>;
  }
}

Tile tileOf(int rows, int vectors) {
  switch (rows) {
    case 1: return tileOf<1>(vectors);
    case 2: return tileOf<2>(vectors);
    case 3: return tileOf<3>(vectors);
    case 4: return tileOf<4>(vectors);
    case 5: return tileOf<5>(vectors);
    default: return tileOf<TILE_ROWS>(vectors);
  }
}

// Copies a row of numbers as float32, up to a whole vector. A null row is zeros.
template <Type TYPE>
void copyRow(const char* from, long count, float* to) {
  long k = 0;
  for (; k + LANES <= count; k += LANES) store(to + k, loadAll<TYPE>(from + k * sizeOf(TYPE)));
  if (k < count) store(to + k, load(from + k * sizeOf(TYPE), TYPE, static_cast<int>(count - k)));
}

void copyRow(const char* from, Type type, long count, float* to) {
  if (from == nullptr) {
    for (long k = 0; k < count; k += LANES) store(to + k, zero());
  } else if (type == Type::F32) {
    copyRow<Type::F32>(from, count, to);
  } else if (type == Type::F16) {
    copyRow<Type::F16>(from, count, to);
  } else {
    copyRow<Type::BF16>(from, count, to);
  }
}

// Copies LANES rows [LANES, depth] to columns, whose rows are `width` apart.
void packTurned(const char* const* rows, Type type, long depth, float* to, long width) {
  for (long k = 0; k < depth; k += LANES) {
    const int count = static_cast<int>(depth - k);
    Vector block[LANES];
    for (int i = 0; i < LANES; i++) {
      block[i] = rows[i] == nullptr ? zero() : load(rows[i] + k * sizeOf(type), type, count);
    }
    transpose(block);
    for (int i = 0; i < least(count, LANES); i++) store(to + (k + i) * width, block[i]);
  }
}

// One product. Sums run over places of a window and, in each, over parts of the width.
class Work {
 public:
  Work(const Product& product, const Threads& threads) : p_(product), threads_(threads) {
    blocksOfSample_ = parts(p_.count, BLOCK);
    blocks_ = p_.samples * blocksOfSample_;
    places_ = p_.windows == nullptr ? 1 : p_.windows->down.places * p_.windows->across.places;
    depths_ = parts(p_.width, DEPTH);
    const long most = p_.contractsRows ? MOST_COLUMNS : MOST_ROWS;
    const long step = p_.contractsRows ? (p_.out >= 2 * TILE_COLUMNS * threads.count ? TILE_COLUMNS : LANES) : TILE_ROWS;
    chunk_ = upTo(parts(p_.out, upTo(parts(p_.out, most), threads.count)), step);
  }

  void run() {
    for (first_ = 0; first_ < blocks_; first_ += GROUP) {
      held_ = least(GROUP, blocks_ - first_);
      tokens_ = sharedMemory(places_ * depths_ * DEPTH * held_ * BLOCK);
      each(places_ * depths_ * held_, [](void* self, long i) { static_cast<Work*>(self)->packTokens(i); });
      each(parts(p_.out, chunk_), [](void* self, long i) { static_cast<Work*>(self)->multiplyChunk(i); });
    }
  }

 private:
  void each(long count, void (*work)(void*, long)) { threads_.run(threads_.pool, count, work, this); }

  long depthOf(long part) const { return least(DEPTH, p_.width - part % depths_ * DEPTH); }

  // The source of a token in a place of its window. Null: outside of the picture, or after the last token.
  const char* rowOf(long sample, long token, long place) const {
    if (token >= p_.count) return nullptr;
    if (p_.windows == nullptr) return at(p_.x, (sample * p_.count + token) * p_.width, p_.xType);
    const Axis &down = p_.windows->down, &across = p_.windows->across;
    const long y = sourceOf(down, token / across.target, place / across.places);
    const long x = sourceOf(across, token % across.target, place % across.places);
    if (y < 0 || x < 0) return nullptr;
    return at(p_.x, ((sample * down.source + y) * across.source + x) * p_.width, p_.xType);
  }

  static long sourceOf(const Axis& axis, long at, long place) {
    const long value = at * axis.times + axis.sign * place + axis.shift;
    if (value < 0 || value % axis.over != 0 || value / axis.over >= axis.source) return -1;
    return value / axis.over;
  }

  // A part's tokens as [tokens, DEPTH] for x W, and as [panels][depth, panel's width] for x Wᵀ.
  void packTokens(long index) {
    const long part = index / held_, block = index % held_;
    const long place = part / depths_, from = part % depths_ * DEPTH, depth = depthOf(part);
    const long sample = (first_ + block) / blocksOfSample_, token = (first_ + block) % blocksOfSample_ * BLOCK;
    float* all = tokens_ + part * DEPTH * held_ * BLOCK;
    const int count = static_cast<int>(least(BLOCK, p_.count - token));
    for (int lane = 0; lane < BLOCK; lane += LANES) {
      const char* rows[LANES];
      if (!p_.xColumns) {
        for (int i = 0; i < LANES; i++) {
          const char* row = rowOf(sample, token + lane + i, place);
          rows[i] = row == nullptr ? nullptr : row + from * sizeOf(p_.xType);
        }
      }
      const char* columns = at(p_.x, (sample * p_.width + from) * p_.count + token + lane, p_.xType);
      if (p_.contractsRows) {
        float* to = all + (block * BLOCK + lane) * DEPTH;
        if (p_.xColumns) packColumns(columns, depth, count - lane, to);
        else for (int i = 0; i < LANES; i++) copyRow(rows[i], p_.xType, depth, to + i * DEPTH);
      } else {
        const long column = block * BLOCK + lane, panel = column / TILE_COLUMNS * TILE_COLUMNS;
        const long width = least(TILE_COLUMNS, held_ * BLOCK - panel);
        float* to = all + panel * DEPTH + column - panel;
        if (!p_.xColumns) packTurned(rows, p_.xType, depth, to, width);
        else for (long k = 0; k < depth; k++) {
          store(to + k * width, load(columns + k * p_.count * sizeOf(p_.xType), p_.xType, nonNegative(count - lane)));
        }
      }
    }
  }

  static int nonNegative(long value) { return value < 0 ? 0 : static_cast<int>(value); }

  // LANES columns of x as rows that are DEPTH apart.
  void packColumns(const char* columns, long depth, int count, float* to) const {
    for (long k = 0; k < depth; k += LANES) {
      Vector block[LANES];
      for (int i = 0; i < LANES; i++) {
        const char* row = columns + (k + i) * p_.count * sizeOf(p_.xType);
        block[i] = k + i < depth ? load(row, p_.xType, nonNegative(count)) : zero();
      }
      transpose(block);
      for (int i = 0; i < LANES; i++) store(to + i * DEPTH + k, block[i]);
    }
  }

  void multiplyChunk(long index) {
    const long from = index * chunk_, out = least(chunk_, p_.out - from);
    if (p_.contractsRows) {
      const long width = upTo(out, LANES);
      float* sums = threadMemory(1, held_ * BLOCK * width);
      multiplyColumns(from, out, sums, width);
      finishRows(sums, width, from, out);
    } else {
      const long width = held_ * BLOCK;
      float* sums = threadMemory(1, upTo(out, LANES) * width);
      multiplyRows(from, out, sums, width);
      finishColumns(sums, width, from, out);
    }
  }

  // The weights of a part: rows of `out`, or of the sum.
  const char* weightsOf(long part, long from) const {
    const long place = part / depths_, k = part % depths_ * DEPTH;
    if (p_.contractsRows) return at(p_.weight, (place * p_.width + k) * p_.out + from, p_.weightType);
    return at(p_.weight, (place * p_.out + from) * p_.width + k, p_.weightType);
  }

  // The outputs that this thread computes next, if threads take turns.
  long nextChunk(long from) const { return from + chunk_ * threads_.count; }

  // x Wᵀ: sums [out, tokens]. Weights are the single numbers.
  void multiplyRows(long from, long out, float* sums, long width) {
    float* weights = threadMemory(0, upTo(MOST_ROWS, TILE_ROWS) * DEPTH + TILE_COLUMNS * DEPTH);
    const long stride = p_.width * sizeOf(p_.weightType), all = places_ * depths_;
    Ahead ahead;
    for (long part = 0; part < all; part++) {
      const long depth = depthOf(part);
      const char* source = weightsOf(part, from);
      for (long i = 0; i < out; i++) copyRow(source + i * stride, p_.weightType, depth, weights + i * DEPTH);
      const long steps = parts(out, TILE_ROWS) * parts(width, TILE_COLUMNS);
      if (part + 1 < all) {
        ahead.set(weightsOf(part + 1, from), depthOf(part + 1) * sizeOf(p_.weightType), stride, out, steps);
      } else {
        ahead.none();
      }
      const float* tokens = tokens_ + part * DEPTH * width;
      for (long j = 0; j < width; j += TILE_COLUMNS) {
        multiplyPanel(depth, weights, out, tokens + j * DEPTH, least(TILE_COLUMNS, width - j), sums + j, width, part > 0,
                      ahead);
      }
    }
  }

  // x W: sums [tokens, out]. Weights are the vectors.
  void multiplyColumns(long from, long out, float* sums, long width) {
    float* weights = threadMemory(0, upTo(MOST_ROWS, TILE_ROWS) * DEPTH + TILE_COLUMNS * DEPTH);
    const long stride = p_.out * sizeOf(p_.weightType), all = places_ * depths_, rows = held_ * BLOCK;
    Ahead ahead;
    for (long part = 0; part < all; part++) {
      const long depth = depthOf(part);
      for (long j = 0; j < width; j += TILE_COLUMNS) {
        const long panel = least(TILE_COLUMNS, width - j), real = least(panel, out - j);
        const char* source = weightsOf(part, from + j);
        for (long k = 0; k < depth; k++) copyRow(source + k * stride, p_.weightType, real, weights + k * panel);
        const bool isLast = j + TILE_COLUMNS >= width, isEnd = isLast && part + 1 == all;
        const long nextPart = isEnd ? 0 : isLast ? part + 1 : part;
        const long nextFrom = (isEnd ? nextChunk(from) : from) + (isLast ? 0 : j + TILE_COLUMNS);
        if (nextFrom < p_.out) {
          const long bytes = least(TILE_COLUMNS, p_.out - nextFrom) * sizeOf(p_.weightType);
          ahead.set(weightsOf(nextPart, nextFrom), bytes, stride, depthOf(nextPart), parts(rows, TILE_ROWS));
        } else {
          ahead.none();
        }
        multiplyPanel(depth, tokens_ + part * DEPTH * rows, rows, weights, panel, sums + j, width, part > 0, ahead);
      }
    }
  }

  static void multiplyPanel(long depth, const float* a, long rows, const float* b, long columns, float* c, long stride,
                            bool sums, Ahead& ahead) {
    const int vectors = static_cast<int>(columns / LANES);
    const Tile whole = tileOf(TILE_ROWS, vectors);
    long i = 0;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS) {
      ahead.step();
      whole(depth, a + i * DEPTH, b, c + i * stride, stride, sums);
    }
    if (i < rows) {
      ahead.step();
      tileOf(static_cast<int>(rows - i), vectors)(depth, a + i * DEPTH, b, c + i * stride, stride, sums);
    }
  }

  // Where a block's results lie: its sample, its first token in it, and its tokens.
  struct Target {
    long sample, token;
    int count;
  };

  Target targetOf(long block) const {
    const long sample = (first_ + block) / blocksOfSample_, token = (first_ + block) % blocksOfSample_ * BLOCK;
    return {sample, token, static_cast<int>(least(BLOCK, p_.count - token))};
  }

  // Writes sums [tokens, out].
  void finishRows(const float* sums, long width, long from, long out) const {
    for (long block = 0; block < held_; block++) {
      const Target target = targetOf(block);
      const float* rows = sums + block * BLOCK * width;
      if (!p_.yColumns) {
        for (int i = 0; i < target.count; i++) {
          for (long o = 0; o < out; o += LANES) writeRow(target, i, from + o, load(rows + i * width + o), out - o);
        }
        continue;
      }
      for (long o = 0; o < out; o += LANES) {
        for (int lane = 0; lane < target.count; lane += LANES) {
          Vector turned[LANES];
          for (int i = 0; i < LANES; i++) turned[i] = load(rows + (lane + i) * width + o);
          transpose(turned);
          for (int i = 0; i < least(LANES, out - o); i++) writeColumn(target, lane, from + o + i, turned[i]);
        }
      }
    }
  }

  // Writes sums [out, tokens].
  void finishColumns(const float* sums, long width, long from, long out) const {
    for (long block = 0; block < held_; block++) {
      const Target target = targetOf(block);
      const float* columns = sums + block * BLOCK;
      for (int lane = 0; lane < target.count; lane += LANES) {
        if (p_.yColumns) {
          for (long o = 0; o < out; o++) writeColumn(target, lane, from + o, load(columns + o * width + lane));
          continue;
        }
        const int count = static_cast<int>(least(LANES, target.count - lane));
        for (long o = 0; o < out; o += LANES) {
          Vector turned[LANES];
          for (int i = 0; i < LANES; i++) turned[i] = o + i < out ? load(columns + (o + i) * width + lane) : zero();
          transpose(turned);
          for (int i = 0; i < count; i++) writeRow(target, lane + i, from + o, turned[i], out - o);
        }
      }
    }
  }

  // Writes outputs of one token.
  void writeRow(const Target& target, long token, long out, Vector value, long count) const {
    const int real = static_cast<int>(least(count, LANES));
    if (p_.bias != nullptr) value = add(value, load(at(p_.bias, out, p_.biasType), p_.biasType, real));
    write((target.sample * p_.count + target.token + token) * p_.out + out, value, real);
  }

  // Writes one output of tokens.
  void writeColumn(const Target& target, long lane, long out, Vector value) const {
    const long token = target.token + lane;
    if (p_.bias != nullptr) value = add(value, all(first(load(at(p_.bias, out, p_.biasType), p_.biasType, 1))));
    write((target.sample * p_.out + out) * p_.count + token, value, static_cast<int>(least(LANES, p_.count - token)));
  }

  void write(long index, Vector value, int count) const {
    if (p_.addend != nullptr) value = add(value, load(at(p_.addend, index, p_.addendType), p_.addendType, count));
    if (p_.yType == Type::F32 && count == LANES) {
      store(static_cast<float*>(p_.y) + index, value);
    } else {
      store(const_cast<char*>(at(p_.y, index, p_.yType)), p_.yType, value, count);
    }
  }

  static float first(Vector value) {
    float numbers[LANES];
    store(numbers, value);
    return numbers[0];
  }

  const Product& p_;
  const Threads& threads_;
  // Blocks of tokens: of a sample, and of all.
  long blocksOfSample_, blocks_;
  // Places of a window, and parts of the width.
  long places_, depths_;
  // Outputs of one thread at once.
  long chunk_;
  // The group of blocks: its first, its number, and its tokens.
  long first_ = 0, held_ = 0;
  float* tokens_ = nullptr;
};

void multiply(const Product& product, const Threads& threads) { Work(product, threads).run(); }

}  // namespace
}  // namespace lllite
