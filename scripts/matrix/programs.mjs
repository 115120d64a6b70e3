// What the projects of the matrix run. Each program ends with "works", or fails.

/** Draws a picture with the embedded model, after the runtime's check of a value and a gradient. */
const DRAW = `
  const runtime = await createNodeRuntime({ backend: "wasm", threads: 1 })
  const sdxl = await runtime.loadSdxl("tiny")
  const options = { width: 64, height: 64, steps: 1 }
  let bytes = 0
  for await (const event of sdxl.generate([{ prompt: "a red star", seed: 1 }], options)) {
    if (event.kind === "image") bytes = event.image.data.length
  }
  await runtime.dispose()
  if (bytes !== 64 * 64 * 3) throw new Error("the picture has " + bytes + " bytes")
`

export const ESM = `
import { createRequire } from "node:module"
import { CoreError } from "@lllite/core"
import { FormatError, LlliteError } from "@lllite/format"
import { createNodeRuntime, InputError } from "@lllite/runtime-node"
const require = createRequire(import.meta.url)
for (const [name, Class] of [["@lllite/core", CoreError], ["@lllite/format", FormatError], ["@lllite/runtime-node", InputError]]) {
  const Other = require(name)[Class.name]
  const [one, other] = [new Class("file", "here"), new Other("file", "there")]
  if (!(one instanceof Other && other instanceof Class && other instanceof LlliteError)) throw new Error(name + ": instanceof")
}
${DRAW}
console.log("works")
`

/** For runtimes that are not Node: without CommonJS beside it. */
export const PLAIN = `
import { createNodeRuntime } from "@lllite/runtime-node"
async function main() {
${DRAW}
}
main().then(() => console.log("works"), (error) => {
  console.error(error.message)
  process.exitCode = 1
})
`

export const CJS = `
const { createNodeRuntime } = require("@lllite/runtime-node")
for (const name of ["@lllite/format/edit", "@lllite/core/training", "@lllite/tiny", "@lllite/wasm", "@lllite/webgpu"]) require(name)
async function main() {
${DRAW}
  console.log("works")
}
main()
`

/** Where a program has all of TensorFlow.js, it and our packages share one. */
export const UNION = `
import { createComposedOps, registerGradients, selfCheck } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs"
import * as core from "@tensorflow/tfjs-core"
import { createNodeRuntime } from "@lllite/runtime-node"
await tf.setBackend("cpu")
const gradient = tf.getGradient("RealDiv")
await registerGradients()
if (tf.engine() !== core.engine() || tf.getGradient("RealDiv") !== gradient) throw new Error("there are two")
await selfCheck(createComposedOps())
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
model.compile({ optimizer: "sgd", loss: "meanSquaredError" })
await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 1, verbose: 0 })
${DRAW}
console.log("works")
`

/** A module of TypeScript that imports every entry. */
export function everyEntry(manifests) {
  const entries = manifests.flatMap(({ name, exports = {} }) =>
    Object.entries(exports)
      .filter(([, target]) => typeof target === "object")
      .map(([path]) => `${name}${path.slice(1)}`),
  )
  const lines = entries.map((entry, i) => `import * as entry${i} from "${entry}"\nvoid entry${i}`)
  return `${lines.join("\n")}
import { createNodeRuntime, type NodeRuntime } from "@lllite/runtime-node"
export const runtime: Promise<NodeRuntime> = createNodeRuntime({ backend: "wasm" })
`
}

/** A page that starts the runtime in a worker. Its title says what came of it. */
export function page(workerOption) {
  return `
import { createWebRuntime } from "@lllite/runtime-web"
createWebRuntime({ backend: "wasm"${workerOption} }).then(
  (runtime) => { document.title = "works on " + runtime.backend },
  (error) => { document.title = "fails: " + error.message },
)
`
}
