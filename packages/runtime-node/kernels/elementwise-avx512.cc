#include "vector-avx512.h"
// The vectors come first.
#include "compute.h"

namespace lllite {
extern const Compute computeAvx512 = computeProgram;
}
