import { defineConfig } from "tsup"

export default defineConfig({
  entry: { index: "src/index.ts", edit: "src/edit/index.ts" },
  format: ["esm", "cjs"],
  dts: true,
  sourcemap: true,
  clean: true,
})
