import { CoreError } from "../errors.ts"

/**
 * How engines and TensorFlow.js say that memory is full: V8 and SpiderMonkey for arrays and WebAssembly, Emscripten for
 * the heap of the WASM backend, and TensorFlow for its allocator.
 */
const SAYINGS: readonly RegExp[] = [
  /^Invalid (typed array|array buffer|array|string) length/,
  /^(Array buffer|ArrayBuffer|WebAssembly\.Memory\(\).*|.*typed array.*) ?(allocation failed|could not allocate|too large)/i,
  /could not allocate memory|allocation (size overflow|failed)|out of memory|\bOOM\b/i,
  /cannot enlarge memory|memory access out of bounds|index out of bounds/i,
  /ResourceExhausted|failed to allocate/i,
]

/**
 * An error that says that memory is full, as a CoreError with what to do. Null for other errors. A size that the input
 * makes negative or too large has the same words, and the same cure.
 */
export function memoryError(error: unknown): CoreError | null {
  if (!(error instanceof Error) || error instanceof CoreError || !isOfEngine(error)) return null
  if (!SAYINGS.some((saying) => saying.test(error.message))) return null
  // TensorFlow's words name a shape. Those of an engine name nothing that a user knows.
  const [shape] = /shape ?\[[\d, ]*\]/.exec(error.message) ?? []
  const what = shape === undefined ? "an array" : `a tensor of ${shape}`
  return new CoreError(
    "no-room",
    `there is not enough memory for ${what}. Choose smaller or fewer pictures at once, or another backend.`,
    { cause: error },
  )
}

/** Errors of this project's classes have their own sentences. */
function isOfEngine({ name }: Error): boolean {
  return ["Error", "RangeError", "RuntimeError", "TypeError", "InternalError", "CompileError", "LinkError"].includes(
    name,
  )
}
