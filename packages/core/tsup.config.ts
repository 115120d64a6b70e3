import { defineConfig } from "tsup"
import { gradientsForEsbuild } from "./build/gradients.ts"

export default defineConfig({
  entry: {
    index: "src/index.ts",
    diffusion: "src/diffusion/index.ts",
    image: "src/image/index.ts",
    memory: "src/memory/index.ts",
    models: "src/models/index.ts",
    names: "src/names.ts",
    ops: "src/ops/index.ts",
    random: "src/random/index.ts",
    recipe: "src/recipe/index.ts",
    training: "src/training/index.ts",
    runtime: "src/runtime/index.ts",
    worker: "src/worker/index.ts",
    reference: "reference/index.ts",
    testing: "testing/index.ts",
  },
  // One CoreError for all entries, also when they are required.
  splitting: true,
  format: ["esm", "cjs"],
  // The types of TensorFlow.js use this one's global without naming it.
  dts: { banner: '/// <reference types="long" />' },
  sourcemap: true,
  clean: true,
  esbuildPlugins: [gradientsForEsbuild()],
})
