import { createComposedOps, type Ops } from "@lllite/core/ops"
import { checkOps } from "@lllite/core/testing"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../format/test/needs.ts"
import { createWebgpuOps, type WebgpuDevice } from "../src/index.ts"
import { findDriver } from "./drivers.ts"
import { openGpu } from "./open-gpu.ts"
import { compared, DIFFUSION, MODULE, TEXT_VAE, UNET, unetCases } from "./reference-suites.ts"

/*
 * Chromium's driver without a graphics card. It compiles every kernel that a U-Net with two LLLites needs, and those of
 * one case of each verb with its gradients. All cases take minutes here and run on lavapipe. `npm run long` runs them here.
 */

const driver = findDriver("swiftshader")
if (driver !== null) process.env.VK_ICD_FILENAMES = driver
const { hasAdapter, architecture, start } = await openGpu("swiftshader")

const hasDriver = needs("SwiftShader, which comes with Debian's chromium", hasAdapter && architecture === "swiftshader")

describe("ops on SwiftShader", hasDriver, () => {
  let webgpu: WebgpuDevice
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    ops = createWebgpuOps(createComposedOps())
  })
  afterAll(() => webgpu.dispose())

  it("keep the contract of ops, in one case of each verb", async () => {
    const seen = new Set<string>()
    const results = await checkOps(ops, {
      isWanted: (name) => {
        const [verb = name] = name.split(":")
        const isFirst = !seen.has(verb)
        seen.add(verb)
        return isFirst
      },
    })
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(seen.size).toBeGreaterThan(20)
  })

  it("keep the contract of ops", needsAll(hasDriver, longOnly), async () => {
    const results = await checkOps(ops)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results.length).toBeGreaterThan(150)
  })

  it("agree with the reference on a U-Net with two LLLites", async () => {
    const suite = unetCases("unet.lllite.chain")
    const results = await compared(suite, ops)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results).toHaveLength(suite.count)
  })

  it.each([MODULE, DIFFUSION, TEXT_VAE, UNET])(
    "agree with the reference on $what",
    needsAll(hasDriver, longOnly),
    async (suite) => {
      const results = await compared(suite, ops)
      expect(results.filter(({ ok }) => !ok)).toEqual([])
      expect(results).toHaveLength(suite.count)
    },
  )
})
