// Products of tokens with a matrix of weights: linear layers and convolutions, forward and back.
#pragma once

namespace lllite {

enum class Type { F32, F16, BF16 };

static constexpr long sizeOf(Type type) { return type == Type::F32 ? 4 : 2; }

// Where a window's place reads a picture: source = (at * times + sign * place + shift) / over. Other remainders read 0.
struct Axis {
  long source, target, places, times, sign, shift, over;
};

// The windows of a convolution over pictures [samples, down.source, across.source, width].
struct Windows {
  Axis down, across;
};

// Token-wise products. Tokens are rows, [samples, count, width], or columns, [samples, width, count].
struct Product {
  const void* x;
  Type xType;
  bool xColumns;
  long samples, count, width;
  // Pixels of the result are the tokens of a convolution. Null: x has the tokens.
  const Windows* windows;

  const void* weight;
  Type weightType;
  // True: y = x W for W [places * width, out]. False: y = x Wᵀ for W [places, out, width].
  bool contractsRows;
  long out;

  void* y;
  Type yType;
  bool yColumns;
  // [out], or null.
  const void* bias;
  Type biasType;
  // As y, or null. It is added to y.
  const void* addend;
  Type addendType;
};

// Runs work(context, 0 … count - 1) on all threads of a pool.
struct Threads {
  int count;
  void (*run)(void* pool, long count, void (*work)(void* context, long index), void* context);
  void* pool;
};

// Memory of a thread that stays until the thread asks for more.
float* threadMemory(int number, long floats);
// Memory that all threads of one product share.
float* sharedMemory(long floats);

using Multiply = void (*)(const Product&, const Threads&);

}  // namespace lllite
