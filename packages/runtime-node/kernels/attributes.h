// The attributes of a node of a graph.
#pragma once
#include <tensorflow/c/kernels.h>

#include <cstdint>
#include <vector>

namespace lllite {

// Reads attributes until one fails.
class Attributes {
 public:
  Attributes(TF_OpKernelConstruction* from, TF_Status* status) : from_(from), status_(status) {}

  bool flag(const char* name) {
    TF_Bool value = 0;
    if (fine()) TF_OpKernelConstruction_GetAttrBool(from_, name, &value, status_);
    return value != 0;
  }

  int64_t number(const char* name) {
    int64_t value = 0;
    if (fine()) TF_OpKernelConstruction_GetAttrInt64(from_, name, &value, status_);
    return value;
  }

  TF_DataType type(const char* name) {
    TF_DataType value = TF_FLOAT;
    if (fine()) TF_OpKernelConstruction_GetAttrType(from_, name, &value, status_);
    return value;
  }

  std::vector<int64_t> numbers(const char* name) {
    std::vector<int64_t> values(sizeOf(name));
    const int count = static_cast<int>(values.size());
    if (count > 0) TF_OpKernelConstruction_GetAttrInt64List(from_, name, values.data(), count, status_);
    return values;
  }

  std::vector<float> floats(const char* name) {
    std::vector<float> values(sizeOf(name));
    const int count = static_cast<int>(values.size());
    if (count > 0) TF_OpKernelConstruction_GetAttrFloatList(from_, name, values.data(), count, status_);
    return values;
  }

  bool fine() const { return TF_GetCode(status_) == TF_OK; }

 private:
  int32_t sizeOf(const char* name) {
    int32_t size = 0, total = 0;
    if (fine()) TF_OpKernelConstruction_GetAttrSize(from_, name, &size, &total, status_);
    return fine() && size > 0 ? size : 0;
  }

  TF_OpKernelConstruction* from_;
  TF_Status* status_;
};

}  // namespace lllite
