import { createComposedOps } from "@lllite/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { checkOps } from "../../core/src/testing/index.ts"
import { createWebgpuOps, type WebgpuDevice } from "../src/index.ts"
import { findDriver } from "./drivers.ts"
import { openGpu } from "./open-gpu.ts"

/* The driver that Chromium computes with where there is no graphics card: most other tests run on lavapipe. */

const driver = findDriver("swiftshader")
if (driver !== null) process.env.VK_ICD_FILENAMES = driver
const { hasAdapter, architecture, start } = await openGpu("swiftshader")

describe.skipIf(!hasAdapter || architecture !== "swiftshader")("ops on SwiftShader", () => {
  let webgpu: WebgpuDevice
  beforeAll(async () => {
    webgpu = await start()
  })
  afterAll(() => webgpu.dispose())

  it("keep the contract of ops", async () => {
    const results = await checkOps(createWebgpuOps(createComposedOps()))
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results.length).toBeGreaterThan(150)
  })
})
