/** Backends that this runtime can run on, best first. */
export const NODE_BACKENDS = ["webgpu", "tensorflow", "wasm", "cpu"] as const

/**
 * `webgpu` computes on any graphics card where Dawn is installed (npm package `webgpu`), and is taken only when asked
 * for. `tensorflow` is TensorFlow's own library, as fast as the machine is, where it is installed; `wasm` runs
 * anywhere; `cpu` is tfjs's plain JavaScript, slow, and there to check others against.
 */
export type NodeBackend = (typeof NODE_BACKENDS)[number]

/** In which products with a base model's weights are computed. */
export const PRECISIONS = ["float32", "bfloat16"] as const
export type Precision = (typeof PRECISIONS)[number]

/** How far each may be off where a backend is tried. */
export const TOLERANCES = { float32: 1e-4, bfloat16: 3e-2 } as const satisfies Record<Precision, number>

/** How a base model's weights are held: as the file has them, or those of float32 rounded. */
export const WEIGHT_FORMATS = ["file", "float16", "bfloat16"] as const
export type WeightFormat = (typeof WEIGHT_FORMATS)[number]

/** Those that are taken without being asked for, if they work; the last one always does. */
export const UNASKED_BACKENDS = ["tensorflow", "wasm"] as const satisfies readonly NodeBackend[]

/** The release of TensorFlow.js that this runtime is built on: its parts share registries, so all must be of one. */
export const TFJS_VERSION = "4.22.0"
