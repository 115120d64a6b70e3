import { createComposedOps, type Ops } from "@lllite/core/ops"
import { checkOps } from "@lllite/core/testing"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../format/test/needs.ts"
import { createWebgpuOps, type WebgpuDevice } from "../src/index.ts"
import { findDriver } from "./drivers.ts"
import { openGpu } from "./open-gpu.ts"
import { compared, DIFFUSION, MODULE, TEXT_VAE, UNET } from "./reference-suites.ts"

/*
 * Chromium's driver without a graphics card. It takes minutes for what lavapipe does in seconds. So `npm run long` runs this
 * file, and the quick tests on this driver are those in Chromium (`runtime-web`, `playground`).
 */

const driver = findDriver("swiftshader")
if (driver !== null) process.env.VK_ICD_FILENAMES = driver
const { hasAdapter, architecture, start } = await openGpu("swiftshader")

const hasDriver = needsAll(
  longOnly,
  needs("SwiftShader, which comes with Debian's chromium", hasAdapter && architecture === "swiftshader"),
)

describe("ops on SwiftShader", hasDriver, () => {
  let webgpu: WebgpuDevice
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    ops = createWebgpuOps(createComposedOps())
  })
  afterAll(() => webgpu.dispose())

  it("keep the contract of ops", async () => {
    const results = await checkOps(ops)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results.length).toBeGreaterThan(150)
  })

  it.each([MODULE, DIFFUSION, TEXT_VAE, UNET])("agree with the reference on $what", async (suite) => {
    const results = await compared(suite, ops)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results).toHaveLength(suite.count)
  })
})
