#include "vector-avx2.h"
// The vectors come first.
#include "multiply.h"

namespace lllite {
extern const Multiply multiplyAvx2 = multiply;
}
