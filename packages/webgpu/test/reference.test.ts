import { createComposedOps, type Ops } from "@lllite/core/ops"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../format/test/needs.ts"
import { createWebgpuOps, type WebgpuDevice } from "../src/index.ts"
import { openGpu } from "./open-gpu.ts"
import { compared, DIFFUSION, MODULE, PIPELINE, TEXT_VAE, UNET } from "./reference-suites.ts"

const { hasAdapter, architecture, start } = await openGpu("lavapipe", "swiftshader")

/** SwiftShader takes four minutes from prompts to pictures. Chromium's test covers this already. */
const SUITES = [MODULE, DIFFUSION, TEXT_VAE, UNET, ...(architecture === "swiftshader" ? [] : [PIPELINE])]

describe(
  "the reference's networks on WebGPU",
  needs("a WebGPU adapter. scripts/lavapipe.sh installs one", hasAdapter),
  () => {
    let webgpu: WebgpuDevice
    let ops: Ops
    beforeAll(async () => {
      webgpu = await start()
      ops = createWebgpuOps(createComposedOps())
    })
    afterAll(() => webgpu.dispose())

    it.each(SUITES)("agree on $what", async (suite) => {
      const results = await compared(suite, ops)
      expect(results.filter(({ ok }) => !ok)).toEqual([])
      expect(results).toHaveLength(suite.count)
    })

    it("agree on both text encoders and the VAE to within 1e-2 with weights of float16", async () => {
      const half = createWebgpuOps(createComposedOps(), { weights: "F16" })
      const results = await compared(TEXT_VAE, half)
      const errors = results.map(({ maxRelError }) => maxRelError)
      expect(errors).toHaveLength(TEXT_VAE.count)
      for (const error of errors) expect(error).toBeLessThan(1e-2)
      // Rounding the weights has an effect.
      expect(Math.max(...errors)).toBeGreaterThan(1e-4)
    })
  },
)
