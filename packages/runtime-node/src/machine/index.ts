// Examines the machine and sets up TensorFlow. Loads no TensorFlow.js: backends are tried in separate processes.
export {
  NODE_BACKENDS,
  type NodeBackend,
  PRECISIONS,
  type Precision,
  WEIGHT_DTYPES,
  type WeightDtype,
} from "../backends/names.ts"
export {
  findTensorflow,
  TENSORFLOW_SOURCES,
  type TensorflowInstallation,
  type TensorflowSearch,
  type TensorflowSource,
} from "../tensorflow/installation.ts"
export {
  removeTensorflow,
  setUpTensorflow,
  type TensorflowSetup,
  type TensorflowSetupOptions,
} from "../tensorflow/setup/index.ts"
export { type Advice, type BackendReport, examineMachine, type MachineReport } from "./doctor.ts"
export { installedBackends } from "./installed-backends.ts"
export type { ModelFit } from "./model-fit.ts"
export type { ModelNeed, TaskNeed } from "./model-need.ts"
