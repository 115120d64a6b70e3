import { defineConfig } from "tsup"

export default defineConfig({
  entry: {
    index: "src/index.ts",
    image: "src/image/index.ts",
    reference: "reference/index.ts",
    testing: "testing/index.ts",
  },
  format: ["esm", "cjs"],
  dts: true,
  sourcemap: true,
  clean: true,
})
