// The op LlliteElementwise of TensorFlow.
#include "elementwise-op.h"

#include <tensorflow/c/kernels.h>
#include <tensorflow/c/ops.h>

#include <new>
#include <vector>

#include "attributes.h"
#include "elementwise.h"
#include "instructions.h"
#include "threads.h"

namespace lllite {

extern const Compute computeAvx512;
extern const Compute computeAvx2;

namespace {

Compute computeInUse() { return instructionsInUse() == Instructions::AVX512 ? computeAvx512 : computeAvx2; }

struct Node {
  Program program;
  std::vector<long> rowsEach;
  // Not a vector of bool, which has no array.
  std::vector<char> wide;
  std::vector<float> numbers;
  std::vector<Step> steps;
  std::vector<int> results;
  // Of all outputs, one after another.
  std::vector<std::vector<int64_t>> shapes;
};

void* createNode(TF_OpKernelConstruction* context) {
  TF_Status* status = TF_NewStatus();
  Attributes read(context, status);
  Node* node = new Node();
  Program& program = node->program;
  program.rows = read.number("rows");
  program.columns = read.number("columns");
  program.places = static_cast<int>(read.number("places"));
  program.chunk = read.number("chunk");
  for (int64_t rows : read.numbers("rows_each")) node->rowsEach.push_back(rows);
  for (int64_t wide : read.numbers("wide")) node->wide.push_back(wide != 0);
  node->numbers = read.floats("constants");
  const std::vector<int64_t> code = read.numbers("code"), axes = read.numbers("axes"), sizes = read.numbers("sizes");
  for (size_t i = 0; i + 5 <= code.size(); i += 5) {
    node->steps.push_back({static_cast<Instruction>(code[i]), static_cast<int>(code[i + 1]),
                           static_cast<int>(code[i + 2]), code[i + 3] != 0, static_cast<int>(code[i + 4])});
  }
  size_t at = 0;
  for (int64_t count : axes) {
    std::vector<int64_t> shape;
    for (int64_t i = 0; i < count && at < sizes.size(); i++) shape.push_back(sizes[at++]);
    node->shapes.push_back(shape);
  }
  program.inputs = static_cast<int>(node->rowsEach.size());
  program.constants = static_cast<int>(node->numbers.size());
  program.steps = static_cast<int>(node->steps.size());
  program.outputs = static_cast<int>(node->shapes.size());
  bool fits = program.chunk > 0 && node->wide.size() == node->rowsEach.size();
  const int values = program.inputs + program.constants;
  for (int i = 0; i < program.steps; i++) {
    const Step& step = node->steps[i];
    fits = fits && step.instruction < Instruction::COUNT && static_cast<int>(step.instruction) >= 0;
    fits = fits && step.first >= 0 && step.first < values + i && step.second >= 0 && step.second < values + i;
    fits = fits && step.place < program.places && -1 - step.place < program.outputs;
  }
  for (long rows : node->rowsEach) fits = fits && rows > 0;
  if (read.fine() && !fits) TF_SetStatus(status, TF_INVALID_ARGUMENT, "LlliteElementwise: the program is not one");
  if (!read.fine()) TF_OpKernelConstruction_Failure(context, status);
  TF_DeleteStatus(status);
  program.rowsEach = node->rowsEach.data();
  program.wide = reinterpret_cast<const bool*>(node->wide.data());
  program.numbers = node->numbers.data();
  program.step = node->steps.data();
  return node;
}

void deleteNode(void* node) { delete static_cast<Node*>(node); }

void computeNode(void* kernel, TF_OpKernelContext* context) {
  const Node& node = *static_cast<Node*>(kernel);
  const Program& program = node.program;
  TF_Status* status = TF_NewStatus();
  std::vector<TF_Tensor*> inputs(program.inputs), outputs(program.outputs);
  std::vector<const float*> from(program.inputs);
  std::vector<float*> to(program.outputs);
  const auto fine = [&] { return TF_GetCode(status) == TF_OK; };
  for (int i = 0; i < program.inputs && fine(); i++) {
    TF_GetInput(context, i, &inputs[i], status);
    if (!fine()) break;
    const long rows = (program.rows + program.rowsEach[i] - 1) / program.rowsEach[i];
    if (TF_TensorElementCount(inputs[i]) != rows * (program.wide[i] ? program.columns : 1)) {
      TF_SetStatus(status, TF_INVALID_ARGUMENT, "LlliteElementwise: a tensor has other numbers than the node names");
    }
    from[i] = static_cast<const float*>(TF_TensorData(inputs[i]));
  }
  for (int i = 0; i < program.outputs && fine(); i++) {
    const std::vector<int64_t>& shape = node.shapes[i];
    int64_t count = 1;
    for (int64_t size : shape) count *= size;
    outputs[i] = TF_AllocateOutput(context, i, TF_FLOAT, shape.data(), static_cast<int>(shape.size()), 4 * count, status);
    if (fine()) to[i] = static_cast<float*>(TF_TensorData(outputs[i]));
  }
  if (fine()) {
    ThreadPool& pool = sharedPool();
    const bool isFree = pool.tryLock();
    try {
      computeInUse()(program, from.data(), to.data(), isFree ? pool.threads() : ownThread());
    } catch (const std::bad_alloc&) {
      TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "LlliteElementwise: memory ran out");
    }
    if (isFree) pool.unlock();
  }
  if (!fine()) TF_OpKernelContext_Failure(context, status);
  for (TF_Tensor* tensor : inputs) {
    if (tensor != nullptr) TF_DeleteTensor(tensor);
  }
  for (TF_Tensor* tensor : outputs) {
    if (tensor != nullptr) TF_DeleteTensor(tensor);
  }
  TF_DeleteStatus(status);
}

}  // namespace

std::string registerElementwise() {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder("LlliteElementwise");
  for (const char* attribute :
       {"N: int >= 0", "M: int >= 1", "rows: int", "columns: int", "places: int", "chunk: int", "rows_each: list(int)",
        "wide: list(int)", "constants: list(float)", "code: list(int)", "axes: list(int)", "sizes: list(int)"}) {
    TF_OpDefinitionBuilderAddAttr(op, attribute);
  }
  TF_OpDefinitionBuilderAddInput(op, "values: N * float");
  TF_OpDefinitionBuilderAddOutput(op, "results: M * float");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, [](TF_ShapeInferenceContext* context, TF_Status* status) {
    TF_ShapeInferenceContextSetUnknownShape(context, status);
  });
  TF_RegisterOpDefinition(op, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_KernelBuilder* kernel = TF_NewKernelBuilder("LlliteElementwise", "CPU", createNode, computeNode, deleteNode);
    TF_RegisterKernelBuilder("LlliteElementwise", kernel, status);
  }
  const std::string problem = TF_GetCode(status) == TF_OK ? "" : TF_Message(status);
  TF_DeleteStatus(status);
  return problem;
}

}  // namespace lllite
