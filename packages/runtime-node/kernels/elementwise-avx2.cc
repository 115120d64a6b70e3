#include "vector-avx2.h"
// The vectors come first.
#include "compute.h"

namespace lllite {
extern const Compute computeAvx2 = computeProgram;
}
