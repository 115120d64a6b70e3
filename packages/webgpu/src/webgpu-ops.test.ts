import { createComposedOps, type Ops } from "@lllite/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { checkOps } from "../../core/src/testing/index.ts"
import { hasAdapter, start } from "../test/start.ts"
import type { WebgpuDevice } from "./index.ts"
import { createWebgpuOps, WebgpuOpsError } from "./index.ts"

describe.skipIf(!hasAdapter)("ops on WebGPU", () => {
  let webgpu: WebgpuDevice
  let base: Ops
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    base = createComposedOps()
    ops = createWebgpuOps(base)
  })
  afterAll(() => webgpu.dispose())

  it("keep the contract of ops", async () => {
    const results = await checkOps(ops)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(results.length).toBeGreaterThan(150)
  })

  it("refuse a format of weights that is none", () => {
    expect(() => createWebgpuOps(base, { weights: "f8" as "f16" })).toThrow(WebgpuOpsError)
  })
})
