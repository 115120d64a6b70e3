import { copyFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { defineConfig } from "tsup"

const require = createRequire(import.meta.url)

/** What the worker fetches, beside it. */
const ASSETS = [
  "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm",
  "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm",
  "@lllite/core/clip-merges.txt",
]

export default defineConfig({
  entry: { index: "src/index.ts", worker: "src/worker/worker.ts" },
  format: ["esm"],
  platform: "browser",
  dts: { entry: { index: "src/index.ts" } },
  // A worker has separate globals, so its bundle holds TensorFlow.js. It can be started without a bundler.
  noExternal: [/./],
  // The WASM backend asks for Node, also by names that bundlers of pages refuse. A worker of a browser is not Node.
  define: { __filename: "undefined", __dirname: "undefined", process: "undefined" },
  splitting: true,
  sourcemap: true,
  clean: true,
  onSuccess: async () => {
    for (const asset of ASSETS) await copyFile(require.resolve(asset), `dist/${asset.split("/").at(-1)}`)
  },
})
