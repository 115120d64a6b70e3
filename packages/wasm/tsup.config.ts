import { defineConfig } from "tsup"
import { kernelsForEsbuild } from "./build/plugins.ts"

export default defineConfig({
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  dts: true,
  sourcemap: true,
  clean: true,
  esbuildPlugins: [kernelsForEsbuild()],
})
