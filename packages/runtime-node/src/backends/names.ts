/** Backends that this runtime can run on, best first. */
export const NODE_BACKENDS = ["tensorflow", "wasm", "cpu"] as const

/**
 * `tensorflow` is TensorFlow's own library, as fast as the machine is, where it is installed; `wasm` runs anywhere;
 * `cpu` is tfjs's plain JavaScript, slow, and there to check others against.
 */
export type NodeBackend = (typeof NODE_BACKENDS)[number]

/** The release of TensorFlow.js that this runtime is built on: its parts share registries, so all must be of one. */
export const TFJS_VERSION = "4.22.0"
