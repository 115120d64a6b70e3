/** Backends of this runtime, the best first. */
export const NODE_BACKENDS = ["webgpu", "tensorflow", "wasm", "cpu"] as const

/**
 * - `webgpu` computes on a graphics card. It needs Dawn (npm package `webgpu`), and is used only when it is named.
 * - `tensorflow` is TensorFlow's own library. It is the fastest on a CPU, and must be installed.
 * - `wasm` runs on every machine.
 * - `cpu` is tfjs's plain JavaScript. It is slow, and serves to check the others.
 */
export type NodeBackend = (typeof NODE_BACKENDS)[number]

/** Dtypes in which products with a base model's weights are computed. */
export const PRECISIONS = ["F32", "F16", "BF16"] as const
export type Precision = (typeof PRECISIONS)[number]

/** The largest error of each precision that the self-check of a backend accepts. */
export const TOLERANCES = { F32: 1e-4, F16: 5e-3, BF16: 3e-2 } as const satisfies Record<Precision, number>

/**
 * Dtypes in which a base model's weights are held: those of the file, F32 for all of them, or a dtype to which F32 is
 * rounded.
 */
export const WEIGHT_DTYPES = ["file", "F32", "F16", "BF16"] as const
export type WeightDtype = (typeof WEIGHT_DTYPES)[number]

/** Backends that are used without being named, if they work. The last one always works. */
export const UNASKED_BACKENDS = ["tensorflow", "wasm"] as const satisfies readonly NodeBackend[]

/**
 * The release of TensorFlow.js that this runtime needs. Its packages share registries, so all must be of one release.
 */
export const TFJS_VERSION = "4.22.0"
