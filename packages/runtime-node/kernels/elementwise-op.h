#pragma once
#include <string>

namespace lllite {

// Registers the op LlliteElementwise and its kernel. Returns what is wrong, or nothing.
std::string registerElementwise();

}  // namespace lllite
