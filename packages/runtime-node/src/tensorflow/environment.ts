/** What TensorFlow's library reads from the environment when it is loaded; a user's own settings win. */
const ENVIRONMENT = {
  // Errors only: the library greets on stderr otherwise.
  TF_CPP_MIN_LOG_LEVEL: "2",
  // Else the first allocation takes the whole of a GPU's memory.
  TF_FORCE_GPU_ALLOW_GROWTH: "true",
} as const

/**
 * Sets what TensorFlow's library reads from the environment. Only the main thread can: a worker has a copy of the
 * environment, which a library does not see.
 */
export function prepareTensorflowEnvironment(environment: NodeJS.ProcessEnv = process.env): void {
  for (const [name, value] of Object.entries(ENVIRONMENT)) environment[name] ??= value
}
