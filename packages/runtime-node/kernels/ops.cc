// The op LlliteProduct of TensorFlow, and a Node addon that registers it and chooses its instructions.
#include <node_api.h>
#include <tensorflow/c/kernels.h>
#include <tensorflow/c/ops.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "attributes.h"
#include "elementwise-op.h"
#include "instructions.h"
#include "product.h"
#include "threads.h"

namespace lllite {

extern const Multiply multiplyAvx512;
extern const Multiply multiplyAvx2;

namespace {

Multiply multiplyInUse() { return instructionsInUse() == Instructions::AVX512 ? multiplyAvx512 : multiplyAvx2; }

Type typeOf(TF_DataType type) {
  return type == TF_FLOAT ? Type::F32 : type == TF_HALF ? Type::F16 : Type::BF16;
}

constexpr size_t WINDOW_NUMBERS = 14;

// A node of a graph, as its attributes describe it.
struct Node {
  Product product;
  Windows windows;
  std::vector<int64_t> shape;
  int biases, addends;
  TF_DataType type;
};

void* createNode(TF_OpKernelConstruction* context) {
  TF_Status* status = TF_NewStatus();
  Attributes read(context, status);
  Node* node = new Node();
  Product& product = node->product;
  product.samples = read.number("samples");
  product.count = read.number("tokens");
  product.width = read.number("width");
  product.out = read.number("out");
  product.xColumns = read.flag("x_columns");
  product.yColumns = read.flag("y_columns");
  product.contractsRows = read.flag("contracts_rows");
  node->biases = static_cast<int>(read.number("biases"));
  node->addends = static_cast<int>(read.number("addends"));
  node->type = read.type("U");
  node->shape = read.numbers("shape");
  const std::vector<int64_t> numbers = read.numbers("windows");
  if (numbers.size() == WINDOW_NUMBERS) {
    const auto axis = [&](int from) {
      return Axis{numbers[from],     numbers[from + 1], numbers[from + 2], numbers[from + 3],
                  numbers[from + 4], numbers[from + 5], numbers[from + 6]};
    };
    node->windows = {axis(0), axis(7)};
    product.windows = &node->windows;
  }
  if (!read.fine()) TF_OpKernelConstruction_Failure(context, status);
  TF_DeleteStatus(status);
  return node;
}

void deleteNode(void* node) { delete static_cast<Node*>(node); }

long numbersOf(TF_Tensor* tensor) { return TF_TensorElementCount(tensor); }

// Whether all tensors have the numbers that the node reads.
bool hasSizes(const Product& p, TF_Tensor* const* inputs, int biases, int addends) {
  const long places = p.windows == nullptr ? 1 : p.windows->down.places * p.windows->across.places;
  const long pixels = p.windows == nullptr ? p.count : p.windows->down.source * p.windows->across.source;
  if (p.windows != nullptr && p.windows->down.target * p.windows->across.target != p.count) return false;
  if (numbersOf(inputs[0]) != p.samples * pixels * p.width) return false;
  if (numbersOf(inputs[1]) != places * p.width * p.out) return false;
  if (biases == 1 && numbersOf(inputs[2]) != p.out) return false;
  return addends == 0 || numbersOf(inputs[2 + biases]) == p.samples * p.count * p.out;
}

void computeNode(void* kernel, TF_OpKernelContext* context) {
  const Node& node = *static_cast<Node*>(kernel);
  Product product = node.product;
  TF_Status* status = TF_NewStatus();
  TF_Tensor* inputs[4] = {};
  TF_Tensor* output = nullptr;
  const int count = 2 + node.biases + node.addends;
  const auto fine = [&] { return TF_GetCode(status) == TF_OK; };
  for (int i = 0; i < count && fine(); i++) TF_GetInput(context, i, &inputs[i], status);
  if (fine() && !hasSizes(product, inputs, node.biases, node.addends)) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "LlliteProduct: a tensor has other numbers than the node names");
  }
  int64_t values = product.samples * product.count * product.out;
  if (fine()) {
    const size_t bytes = static_cast<size_t>(values * sizeOf(typeOf(node.type)));
    output = TF_AllocateOutput(context, 0, node.type, node.shape.data(), static_cast<int>(node.shape.size()), bytes, status);
  }
  if (fine()) {
    product.x = TF_TensorData(inputs[0]);
    product.xType = typeOf(TF_TensorType(inputs[0]));
    product.weight = TF_TensorData(inputs[1]);
    product.weightType = typeOf(TF_TensorType(inputs[1]));
    if (node.biases == 1) {
      product.bias = TF_TensorData(inputs[2]);
      product.biasType = typeOf(TF_TensorType(inputs[2]));
    }
    if (node.addends == 1) {
      product.addend = TF_TensorData(inputs[2 + node.biases]);
      product.addendType = typeOf(TF_TensorType(inputs[2 + node.biases]));
    }
    product.y = TF_TensorData(output);
    product.yType = typeOf(node.type);
    ThreadPool& pool = sharedPool();
    const bool isFree = pool.tryLock();
    try {
      multiplyInUse()(product, isFree ? pool.threads() : ownThread());
    } catch (const std::bad_alloc&) {
      TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "LlliteProduct: memory ran out");
    }
    if (isFree) pool.unlock();
  }
  if (!fine()) TF_OpKernelContext_Failure(context, status);
  for (TF_Tensor* input : inputs) {
    if (input != nullptr) TF_DeleteTensor(input);
  }
  if (output != nullptr) TF_DeleteTensor(output);
  TF_DeleteStatus(status);
}

// Registers the op and its kernel. Returns what is wrong, or nothing.
std::string registerProduct() {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder("LlliteProduct");
  for (const char* attribute :
       {"T: {float, bfloat16}", "W: {float, half, bfloat16}", "B: {float, bfloat16} = DT_FLOAT",
        "A: {float, bfloat16} = DT_FLOAT", "U: {float, bfloat16}", "biases: int >= 0 = 0", "addends: int >= 0 = 0",
        "samples: int", "tokens: int", "width: int", "out: int", "x_columns: bool = false", "y_columns: bool = false",
        "contracts_rows: bool", "shape: list(int)", "windows: list(int) = []"}) {
    TF_OpDefinitionBuilderAddAttr(op, attribute);
  }
  for (const char* input : {"x: T", "weight: W", "bias: biases * B", "addend: addends * A"}) {
    TF_OpDefinitionBuilderAddInput(op, input);
  }
  TF_OpDefinitionBuilderAddOutput(op, "y: U");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, [](TF_ShapeInferenceContext* context, TF_Status* status) {
    TF_ShapeInferenceContextSetUnknownShape(context, status);
  });
  TF_RegisterOpDefinition(op, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_KernelBuilder* kernel = TF_NewKernelBuilder("LlliteProduct", "CPU", createNode, computeNode, deleteNode);
    TF_RegisterKernelBuilder("LlliteProduct", kernel, status);
  }
  const std::string problem = TF_GetCode(status) == TF_OK ? "" : TF_Message(status);
  TF_DeleteStatus(status);
  return problem;
}

// use(name) chooses the instructions for all products from now on, among those that the CPU has.
napi_value use(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value argument;
  char name[16] = "";
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (count == 1) napi_get_value_string_utf8(env, argument, name, sizeof(name), &length);
  for (const Instructions one : ALL_INSTRUCTIONS) {
    if (std::strcmp(name, nameOf(one)) != 0 || !has(one)) continue;
    useInstructions(one);
    return nullptr;
  }
  napi_throw_error(env, nullptr, "this CPU does not have these instructions");
  return nullptr;
}

// The names of the instructions that kernels are written for and the CPU has.
napi_value namesOfInstructions(napi_env env) {
  napi_value names;
  napi_create_array(env, &names);
  uint32_t count = 0;
  for (const Instructions one : ALL_INSTRUCTIONS) {
    if (!has(one)) continue;
    napi_value name;
    napi_create_string_utf8(env, nameOf(one), NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, count++, name);
  }
  return names;
}

napi_value startAddon(napi_env env, napi_value exports) {
  // TensorFlow's ops belong to the process, and an addon is started once for each JavaScript thread.
  static const std::string problem = has(Instructions::AVX2) ? registerProduct() + registerElementwise() : "";
  if (!problem.empty()) {
    napi_throw_error(env, nullptr, problem.c_str());
    return exports;
  }
  napi_value amx, function;
  napi_get_boolean(env, hasAmx(), &amx);
  napi_create_function(env, "use", NAPI_AUTO_LENGTH, use, nullptr, &function);
  napi_set_named_property(env, exports, "available", namesOfInstructions(env));
  napi_set_named_property(env, exports, "hasAmx", amx);
  napi_set_named_property(env, exports, "use", function);
  return exports;
}

}  // namespace
}  // namespace lllite

NAPI_MODULE_INIT() { return lllite::startAddon(env, exports); }
