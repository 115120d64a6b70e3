#include "vector-avx512.h"
// The vectors come first.
#include "multiply.h"

namespace lllite {
extern const Multiply multiplyAvx512 = multiply;
}
