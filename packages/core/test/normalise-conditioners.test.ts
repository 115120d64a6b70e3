import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, expect, test } from "vitest"
import type { RgbImage } from "../src/image.ts"
import { imageToFloats } from "../src/image.ts"
import { cutControl, embedControl, patchFormOf } from "../src/models/lllite/conditioner.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { createComposedOps } from "../src/ops/index.ts"
import { createTrainState } from "../src/training/train-state.ts"
import { SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

beforeAll(startWasm)

const sites = enumerateSites(SMALL_UNET.layout)
const dims = { condDim: 8, mlpDim: 4 }

/** White frames on black, with another size in every picture. */
const controls = Array.from({ length: 6 }, (_, image): RgbImage => {
  const side = 64
  const data = new Uint8Array(side * side * 3)
  for (let i = 0; i < side * side; i++) {
    const far = Math.max(Math.abs((i % side) - 32), Math.abs(Math.floor(i / side) - 32))
    if (far === 8 + 3 * image) data.fill(255, i * 3, i * 3 + 3)
  }
  return { width: side, height: side, data }
})

test("every channel of every conditioner has mean 0 and deviation 1 over the controls", () => {
  const { model } = createTrainState(sites, dims, 1, { controls })
  const params = uploadLllite(model)
  const ops = createComposedOps()
  const data = new Float32Array(controls.flatMap((control) => [...imageToFloats(control)]))
  for (const adapter of params.adapters.values()) {
    tf.tidy(() => {
      const patches = cutControl({ count: controls.length, height: 64, width: 64, data }, patchFormOf(adapter.plan))
      const embedded = tf.reshape(embedControl(ops, adapter, patches), [-1, dims.condDim])
      const { mean, variance } = tf.moments(embedded, 0)
      for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 4)
      for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 3)
    })
  }
  disposeLllite(params)
})

test("only the conditioners change, and without controls nothing changes", () => {
  const plain = createTrainState(sites, dims, 1).model
  const normalised = createTrainState(sites, dims, 1, { controls }).model
  for (const { name, plan, offset, size } of plain.slots) {
    const [before, after] = [plain, normalised].map(({ values }) => values.slice(offset, offset + size))
    expect({ site: plan.site.key, name, same: before?.join() === after?.join() }).toEqual({
      site: plan.site.key,
      name,
      same: !name.startsWith("conditioning1"),
    })
  }
})

test("a channel that is the same for all controls stays finite", () => {
  const black: RgbImage = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) }
  const { model } = createTrainState(sites, dims, 1, { controls: [black] })
  expect(model.values.every(Number.isFinite)).toBe(true)
})
