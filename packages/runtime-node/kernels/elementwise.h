// Chains of ops on every number alone, and sums over rows, in one pass over memory.
#pragma once
#include "product.h"

namespace lllite {

// The codes of instructions, as `graph/elementwise.ts` writes them.
enum class Instruction {
  ADD,
  SUBTRACT,
  MULTIPLY,
  SQUARE,
  NEGATE,
  RSQRT,
  ERF,
  EXP,
  SIGMOID,
  RELU,
  // The first number where the second is above 0, otherwise 0.
  RELU_GRADIENT,
  // Over a row. The result is one number for the row.
  SUM,
  MEAN,
  COUNT
};

// Values have numbers: first the inputs, then constants, then results in their order.
struct Step {
  Instruction instruction;
  int first, second;
  // One number for a row.
  bool narrow;
  // Where a wide result lies in a thread's memory. Below 0: in the output -1 - place.
  int place;
};

struct Program {
  long rows, columns;
  int inputs, constants, steps, outputs;
  // Rows of the result that read the same row of an input, and whether the row has more than one number.
  const long* rowsEach;
  const bool* wide;
  const float* numbers;
  const Step* step;
  // The result that an output has.
  const int* result;
  // Wide results in a thread's memory at once.
  int places;
  // Columns that are computed at once.
  long chunk;
};

// Numbers of a chunk without sums over rows. All results of a chunk stay in the cache.
constexpr long CHUNK = 1024;

using Compute = void (*)(const Program&, const float* const* inputs, float* const* outputs, const Threads&);

}  // namespace lllite
