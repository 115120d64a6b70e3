// Programs of elementwise steps, written for any vector. See multiply.h for why all of it is local to a file.
#pragma once
#include "elementwise.h"

namespace lllite {
namespace {

// e^x, within 2e-7 of it. The polynomial is a Chebyshev fit of e^r for r of at most ln 2 / 2.
inline Vector exponential(Vector x) {
  const Vector limited = smaller(all(89.0f), larger(all(-104.0f), x));
  const Vector n = rounded(times(limited, all(1.44269504f)));
  const Vector r = multiplyAdd(n, all(2.12194442e-4f), multiplyAdd(n, all(-0.693359375f), limited));
  Vector sum = all(0.00139485836f);
  sum = multiplyAdd(sum, r, all(0.00837513059f));
  sum = multiplyAdd(sum, r, all(0.0416662171f));
  sum = multiplyAdd(sum, r, all(0.166664153f));
  sum = multiplyAdd(sum, r, all(0.5f));
  sum = multiplyAdd(sum, r, all(1.0f));
  sum = multiplyAdd(sum, r, all(1.0f));
  return timesPower(sum, n);
}

// erf x, within 2e-7. Up to 1, x · P(x²). Above, 1 - e^(-x²) · Q(1 / x). Both are Chebyshev fits.
inline Vector errorFunction(Vector x) {
  const Vector size = smaller(all(4.2f), absolute(x)), square = times(x, x);
  Vector near = all(7.88249745e-5f);
  near = multiplyAdd(near, square, all(-0.000801885501f));
  near = multiplyAdd(near, square, all(0.00518931216f));
  near = multiplyAdd(near, square, all(-0.0268543288f));
  near = multiplyAdd(near, square, all(0.112835974f));
  near = multiplyAdd(near, square, all(-0.37612626f));
  near = times(x, multiplyAdd(near, square, all(1.12837911f)));
  const Vector t = divide(all(1.0f), larger(all(1.0f), size));
  Vector far = all(0.0284467227f);
  far = multiplyAdd(far, t, all(-0.167511672f));
  far = multiplyAdd(far, t, all(0.409899682f));
  far = multiplyAdd(far, t, all(-0.499767691f));
  far = multiplyAdd(far, t, all(0.20807445f));
  far = multiplyAdd(far, t, all(0.246176496f));
  far = multiplyAdd(far, t, all(-0.381113946f));
  far = multiplyAdd(far, t, all(0.0216049682f));
  far = multiplyAdd(far, t, all(0.561647892f));
  far = multiplyAdd(far, t, all(0.000126695159f));
  const Vector rest = times(exponential(subtract(zero(), times(size, size))), far);
  return whereAbove(absolute(x), all(1.0f), withSign(subtract(all(1.0f), rest), x), near);
}

inline Vector sigmoid(Vector x) {
  return divide(all(1.0f), add(all(1.0f), exponential(subtract(zero(), x))));
}

// A row's numbers, or one number that stands for all of them.
struct Row {
  const float* numbers;
  bool wide;
};

// The first numbers from here, at most a vector.
inline Vector read(const Row& row, long from, long count) {
  if (!row.wide) return all(*row.numbers);
  const long left = count - from;
  return left >= LANES ? load(row.numbers + from) : load(row.numbers + from, Type::F32, static_cast<int>(left));
}

template <typename Op>
void eachNumber(const Row& a, const Row& b, long count, float* to, Op op) {
  long i = 0;
  if (a.wide && b.wide) {
    for (; i + LANES <= count; i += LANES) store(to + i, op(load(a.numbers + i), load(b.numbers + i)));
  } else if (a.wide) {
    const Vector second = all(*b.numbers);
    for (; i + LANES <= count; i += LANES) store(to + i, op(load(a.numbers + i), second));
  } else {
    const Vector first = all(*a.numbers);
    for (; i + LANES <= count; i += LANES) store(to + i, op(first, read(b, i, count)));
  }
  if (i < count) store(to + i, Type::F32, op(read(a, i, count), read(b, i, count)), static_cast<int>(count - i));
}

float sumOfRow(const Row& row, long count) {
  if (!row.wide) return *row.numbers * static_cast<float>(count);
  Vector sums[4] = {zero(), zero(), zero(), zero()};
  long i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    for (int j = 0; j < 4; j++) sums[j] = add(sums[j], load(row.numbers + i + j * LANES));
  }
  for (; i < count; i += LANES) sums[0] = add(sums[0], read(row, i, count));
  return sumOf(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

void computeStep(Instruction instruction, const Row& a, const Row& b, long count, float* to, long columns) {
  switch (instruction) {
    case Instruction::ADD:
      return eachNumber(a, b, count, to, [](Vector x, Vector y) { return add(x, y); });
    case Instruction::SUBTRACT:
      return eachNumber(a, b, count, to, [](Vector x, Vector y) { return subtract(x, y); });
    case Instruction::MULTIPLY:
      return eachNumber(a, b, count, to, [](Vector x, Vector y) { return times(x, y); });
    case Instruction::SQUARE:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return times(x, x); });
    case Instruction::NEGATE:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return subtract(zero(), x); });
    case Instruction::RSQRT:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return divide(all(1.0f), squareRoot(x)); });
    case Instruction::ERF:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return errorFunction(x); });
    case Instruction::EXP:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return exponential(x); });
    case Instruction::SIGMOID:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return sigmoid(x); });
    case Instruction::RELU:
      return eachNumber(a, a, count, to, [](Vector x, Vector) { return larger(zero(), x); });
    case Instruction::RELU_GRADIENT:
      return eachNumber(a, b, count, to, [](Vector x, Vector y) { return whereAbove(y, zero(), x, zero()); });
    case Instruction::SUM:
      *to = sumOfRow(a, columns);
      return;
    case Instruction::MEAN:
      *to = sumOfRow(a, columns) / static_cast<float>(columns);
      return;
    case Instruction::COUNT:
      return;
  }
}

// A program on one set of tensors.
class Run {
 public:
  Run(const Program& program, const float* const* inputs, float* const* outputs)
      : p_(program), inputs_(inputs), outputs_(outputs) {
    chunks_ = (p_.columns + p_.chunk - 1) / p_.chunk;
    // As much work for a task as pays for handing it over.
    const long rowWork = p_.chunk < p_.columns ? p_.chunk : p_.columns;
    pieces_ = 1 + 8 * CHUNK / (rowWork + 1);
  }

  void run(const Threads& threads) {
    const long all = p_.rows * chunks_, tasks = (all + pieces_ - 1) / pieces_;
    threads.run(threads.pool, tasks, [](void* self, long task) { static_cast<Run*>(self)->compute(task); }, this);
  }

 private:
  void compute(long task) const {
    const long all = p_.rows * chunks_, first = task * pieces_, end = first + pieces_ < all ? first + pieces_ : all;
    for (long piece = first; piece < end; piece++) computePiece(piece / chunks_, piece % chunks_ * p_.chunk);
  }

  void computePiece(long row, long from) const {
    const long count = p_.columns - from < p_.chunk ? p_.columns - from : p_.chunk;
    // A row's single numbers, then the wide results.
    const long singles = (p_.steps + 15) / 16 * 16, stride = (count + 15) / 16 * 16;
    float* memory = threadMemory(1, singles + p_.places * stride);
    const auto valueOf = [&](int number) -> Row {
      if (number < p_.inputs) {
        const bool wide = p_.wide[number];
        const long at = row / p_.rowsEach[number];
        return {inputs_[number] + (wide ? at * p_.columns + from : at), wide};
      }
      const int constant = number - p_.inputs;
      if (constant < p_.constants) return {p_.numbers + constant, false};
      const int result = constant - p_.constants;
      return {placeOf(result, row, from, memory, singles, stride), !p_.step[result].narrow};
    };
    for (int i = 0; i < p_.steps; i++) {
      const Step& step = p_.step[i];
      float* to = placeOf(i, row, from, memory, singles, stride);
      computeStep(step.instruction, valueOf(step.first), valueOf(step.second), step.narrow ? 1 : count, to, p_.columns);
    }
  }

  float* placeOf(int result, long row, long from, float* memory, long singles, long stride) const {
    const Step& step = p_.step[result];
    if (step.place < 0) {
      float* output = outputs_[-1 - step.place];
      return step.narrow ? output + row : output + row * p_.columns + from;
    }
    return step.narrow ? memory + result : memory + singles + step.place * stride;
  }

  const Program& p_;
  const float* const* inputs_;
  float* const* outputs_;
  long chunks_, pieces_;
};

void computeProgram(const Program& program, const float* const* inputs, float* const* outputs, const Threads& threads) {
  Run(program, inputs, outputs).run(threads);
}

}  // namespace
}  // namespace lllite
