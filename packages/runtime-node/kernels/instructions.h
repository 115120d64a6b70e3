// The instructions that kernels are written for.
#pragma once

namespace lllite {

// The best comes first.
enum class Instructions { AVX512, AVX2 };

constexpr Instructions ALL_INSTRUCTIONS[] = {Instructions::AVX512, Instructions::AVX2};

const char* nameOf(Instructions instructions);
// Whether this CPU has them.
bool has(Instructions instructions);
// Whether this CPU multiplies matrices of bfloat16 (AMX).
bool hasAmx();

// Those that kernels use: the best of this CPU, until others are chosen.
Instructions instructionsInUse();
void useInstructions(Instructions instructions);

}  // namespace lllite
