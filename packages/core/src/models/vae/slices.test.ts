import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signalNhwc } from "../../../reference/layout.ts"
import { loadSynthetic } from "../../../reference/weights.ts"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import type { VaeConfig } from "./config.ts"
import { SDXL_VAE } from "./config.ts"
import { slicesToBind } from "./slice-sizes.ts"
import { decodeLatents, encodeImage } from "./vae.ts"
import type { VaeParams } from "./weights.ts"
import { buildVae } from "./weights.ts"

/** The structure of SDXL's VAE with fewer channels. Some groups of a norm have two channels. */
const CONFIG: VaeConfig = { channels: [32, 64, 64], resBlocks: 1, latentChannels: 4 }

describe("a VAE in slices", () => {
  let ops: Ops
  let params: VaeParams

  beforeAll(async () => {
    ops = await startWasm()
    params = await loadSynthetic("a VAE", buildVae(CONFIG), ops.load)
  })
  afterAll(() => disposeParams(params))

  /** Runs twice, whole and in slices, and gives the distance of the results. */
  async function compare(run: (slices: number) => Tensor4D, slices: number): Promise<number> {
    const before = tf.memory().numTensors
    const [whole, sliced] = [run(1), run(slices)]
    const found = peakToNoise(await sliced.data<"float32">(), await whole.data<"float32">())
    expect(sliced.shape).toEqual(whole.shape)
    tf.dispose([whole, sliced])
    expect(tf.memory().numTensors).toBe(before)
    return found
  }

  // An eye sees no difference above about 45 dB. This limit is far higher, so only float32 rounding passes.
  it.each([2, 5, 11, 99])("decodes two pictures of 11 rows as if they were whole, in %d", async (slices) => {
    const latents = signalNhwc("latents", [2, 4, 11, 6])
    expect(await compare((count) => decodeLatents(ops, params, latents, { slices: count }), slices)).toBeGreaterThan(90)
    latents.dispose()
  })

  it.each([2, 3, 99])("encodes a picture as if it were whole, in %d", async (slices) => {
    const image = signalNhwc("image", [1, 3, 56, 40])
    const run = (count: number): Tensor4D => {
      const { mean, logvar } = encodeImage(ops, params, image, { slices: count })
      return tf.tidy(() => {
        const both = tf.concat([mean, logvar], 3)
        tf.dispose([mean, logvar])
        return both
      })
    }
    expect(await compare(run, slices)).toBeGreaterThan(90)
    image.dispose()
  })

  it("cuts a picture as finely as a device needs that takes no large tensors", () => {
    const limit = 250_000
    const largest = (maxTensorBytes: number): number => {
      let most = 0
      const seen = <T extends tf.Tensor>(tensor: T): T => {
        most = Math.max(most, 4 * tensor.size)
        return tensor
      }
      const watched: Ops = {
        ...{ ...ops, maxTensorBytes },
        conv2d: (x, ...rest) => seen(ops.conv2d(seen(x), ...rest)),
        upsample2x: (x) => seen(ops.upsample2x(seen(x))),
        silu: (x) => seen(ops.silu(seen(x))),
        groupNorm: (x, ...rest) => seen(ops.groupNorm(seen(x), ...rest)),
      }
      tf.tidy(() => void decodeLatents(watched, params, tf.zeros([1, 16, 6, 4])))
      tf.tidy(() => void encodeImage(watched, params, tf.zeros([1, 64, 24, 3])))
      return most
    }
    expect(largest(Number.POSITIVE_INFINITY)).toBeGreaterThan(limit)
    expect(largest(limit)).toBeLessThanOrEqual(limit)
  })

  it.each([
    ["tall", 16, 6],
    ["wide", 6, 16],
  ])("cuts a %s picture into as many slices as its own rows and columns need", (_, rows, columns) => {
    const picture = { height: 8 * rows, width: 8 * columns }
    const convolutions = (limit: Partial<Pick<Ops, "maxTensorBytes">>, slices: number): number => {
      let count = 0
      const counted: Ops = {
        ...{ ...ops, ...limit },
        conv2d: (...read) => {
          count += 1
          return ops.conv2d(...read)
        },
      }
      tf.tidy(() => void decodeLatents(counted, params, tf.zeros([1, rows, columns, 4]), { slices }))
      return count
    }
    // Between what two slices need of a tall picture and of a wide one.
    const limit = 4 * 64 * 3700
    const needed = slicesToBind(CONFIG, picture, limit)
    expect(needed).toBe(rows > columns ? 2 : 4)
    expect(convolutions({ maxTensorBytes: limit }, 1)).toBe(convolutions({}, needed))
  })

  it("refuses numbers of slices that are not positive integers", () => {
    const latents = tf.zeros<tf.Rank.R4>([1, 2, 2, 4])
    for (const slices of [0, -1, 1.5, Number.NaN]) {
      expect(() => decodeLatents(ops, params, latents, { slices })).toThrow(`slices is ${slices}, expected a positive`)
    }
    latents.dispose()
  })
})

describe("slicesToBind", () => {
  it("keeps every tensor small enough for a device to bind", () => {
    const picture = { height: 1024, width: 1024 }
    const GIB = 2 ** 30
    expect(slicesToBind(SDXL_VAE, picture, Number.POSITIVE_INFINITY)).toBe(1)
    expect(slicesToBind(SDXL_VAE, picture, GIB)).toBe(1)
    expect(slicesToBind(SDXL_VAE, picture, GIB - 1)).toBe(2)
    // 8 slices of 128 MiB would fit without their neighbours' rows.
    expect(slicesToBind(SDXL_VAE, picture, GIB / 8)).toBe(16)
    expect(slicesToBind(SDXL_VAE, { height: 8, width: 8 }, 0)).toBe(1)
  })
})

/** Peak signal to noise ratio in decibels. The peak is the expected values' range. */
function peakToNoise(found: Float32Array, expected: Float32Array): number {
  let [low, high, error] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (const [i, value] of expected.entries()) {
    low = Math.min(low, value)
    high = Math.max(high, value)
    error += ((found[i] as number) - value) ** 2
  }
  return 10 * Math.log10((high - low) ** 2 / (error / expected.length))
}
