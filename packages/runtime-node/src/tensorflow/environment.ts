/** Variables that TensorFlow's library reads when it is loaded. Values that the user has set stay. */
const ENVIRONMENT = {
  // Nothing but what ends the process. Errors are thrown, too. By default the library writes information to stderr, and
  // calls it an error that a CPU does not multiply float16.
  TF_CPP_MIN_LOG_LEVEL: "3",
  // By default the first allocation takes all of a GPU's memory.
  TF_FORCE_GPU_ALLOW_GROWTH: "true",
  // Ops of a graph run one after another, each on all cores. Side by side, their sums would differ from run to run.
  TF_NUM_INTEROP_THREADS: "1",
} as const

/**
 * Sets the variables that TensorFlow's library reads. Only the main thread can do this: a worker has a copy of the
 * environment that native libraries do not read.
 */
export function prepareTensorflowEnvironment(environment: NodeJS.ProcessEnv = process.env): void {
  for (const [name, value] of Object.entries(ENVIRONMENT)) environment[name] ??= value
}
