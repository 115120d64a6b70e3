import { SDXL_LAYOUT, type Site, unetTable } from "@lllite/format"
import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../../ops/ops.ts"
import { createStream } from "../../random/stream.ts"
import { UNKNOWN_PASS } from "../taps.ts"
import { llliteTap, prepareControl, sharedInputs } from "./adapter.ts"
import { type ControlImages, createPatchSet, cutControl, type PatchForm } from "./conditioner.ts"
import type { AdapterPlan } from "./layout.ts"
import { fillLllite } from "./model.ts"
import { disposeLllite, uploadLllite } from "./params.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const DIMS = { condDim: 6, mlpDim: 5 }

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

/** Values in rows, columns and channels. */
interface Grid {
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly data: readonly number[]
}

interface Layer {
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** PyTorch's convolution without padding, whose stride is its kernel. weight: [out, in, kernel, kernel] */
function convolved({ height, width, channels, data }: Grid, { weight, bias }: Layer, kernel: number): Grid {
  const [rows, columns] = [Math.floor(height / kernel), Math.floor(width / kernel)]
  const result: number[] = []
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (const [out, start] of bias.entries()) {
        let sum = start
        for (let i = 0; i < channels; i++) {
          for (let dy = 0; dy < kernel; dy++) {
            for (let dx = 0; dx < kernel; dx++) {
              const from = ((y * kernel + dy) * width + x * kernel + dx) * channels + i
              sum += (weight[((out * channels + i) * kernel + dy) * kernel + dx] ?? 0) * (data[from] ?? 0)
            }
          }
        }
        result.push(sum)
      }
    }
  }
  return { height: rows, width: columns, channels: bias.length, data: result }
}

const relu = (values: readonly number[]): number[] => values.map((value) => Math.max(0, value))

function linear(values: readonly number[], { weight, bias }: Layer): number[] {
  return [...bias].map((start, out) =>
    values.reduce((sum, value, i) => sum + value * (weight[out * values.length + i] ?? 0), start),
  )
}

/**
 * One picture's tokens with the delta of an LLLite's module. Source: sd-scripts `networks/control_net_lllite.py`,
 * `LLLiteModule`.
 */
function adapted(
  layer: (name: string) => Layer,
  kernels: readonly number[],
  picture: Grid,
  tokens: readonly (readonly number[])[],
  strength: number,
): number[] {
  let embedding = picture
  for (const [i, kernel] of kernels.entries()) {
    const data = i === 0 ? embedding.data : relu(embedding.data)
    embedding = convolved({ ...embedding, data }, layer(`conditioning1.${2 * i}`), kernel)
  }
  return tokens.flatMap((token, t) => {
    const control = embedding.data.slice(t * embedding.channels, (t + 1) * embedding.channels)
    const down = relu(linear(token, layer("down.0")))
    const mid = relu(linear([...control, ...down], layer("mid.0")))
    const up = linear(mid, layer("up.0"))
    return token.map((value, i) => value + strength * (up[i] ?? 0))
  })
}

describe("an LLLite", () => {
  const sites = enumerateSites(LAYOUT, NAMED_SELECTIONS.transformerAll)
  const layerOf = ({ path }: Site) =>
    unetTable(LAYOUT).byPath.get(path) as Parameters<ReturnType<typeof llliteTap>["has"]>[0]
  const siteOf = (depth: Site["depth"]): Site => sites.find((site) => site.depth === depth) as Site

  async function modelAt(chosen: readonly Site[]) {
    const tensors = new Map<string, Float32Array>()
    const model = await fillLllite(
      chosen.map((site): AdapterPlan => ({ site, ...DIMS })),
      ({ key, size, fileShape }) => {
        const fanIn = fileShape.slice(1).reduce((product, side) => product * side, 1)
        const values = createStream(1, key)
          .normal(size)
          .map((value) => value / Math.sqrt(fanIn))
        tensors.set(key, values)
        return values
      },
    )
    return { params: uploadLllite(model), tensors }
  }

  it.each([
    [2, [4, 4]],
    [3, [4, 4, 2]],
  ] as const)(
    "gives what PyTorch's layers give, for pictures that are not square (depth %d)",
    async (depth, kernels) => {
      const site = siteOf(depth)
      const { params, tensors } = await modelAt([site])
      const layer = (name: string): Layer => ({
        weight: tensors.get(`${site.key}.${name}.weight`) as Float32Array,
        bias: tensors.get(`${site.key}.${name}.bias`) as Float32Array,
      })
      const side = kernels.reduce<number>((product, kernel) => product * kernel, 1)
      const [height, width, count] = [2 * side, 3 * side, 2]
      const pixels = createStream(2, "picture").normal(count * height * width * 3)
      const images: ControlImages = { count, height, width, data: pixels }
      const x = createStream(3, "x").normal(count * 6 * site.inDim)
      const strengths = [1, -0.5]
      const wanted = strengths.flatMap((strength, row) => {
        const size = height * width * 3
        const picture = { height, width, channels: 3, data: [...pixels.subarray(row * size, (row + 1) * size)] }
        const tokens = Array.from({ length: 6 }, (_, t) => {
          const from = (row * 6 + t) * site.inDim
          return [...x.subarray(from, from + site.inDim)]
        })
        return adapted(layer, kernels, picture, tokens, strength)
      })
      const control = prepareControl(ops, params, images)
      const found = tf.tidy(() => {
        const tap = llliteTap(ops, params, control, ({ row }) => strengths[row.picture] ?? 0)
        const place = {
          grid: { height: 2, width: 3 },
          position: { sigma: 1, timestep: 1, step: 0, steps: 1, between: false },
          rows: [0, 1].map((picture) => ({ picture, guidance: "cond" as const })),
        }
        const [y] = tap.before?.([layerOf(site)], tf.tensor(x, [2, 6, site.inDim]), place) ?? []
        return y?.dataSync<"float32">() ?? new Float32Array()
      })
      control.dispose()
      disposeLllite(params)
      expect(found).toHaveLength(wanted.length)
      expect(Math.max(...found.map((value, i) => Math.abs(value - (x[i] as number))))).toBeGreaterThan(0.1)
      expect(Math.max(...found.map((value, i) => Math.abs(value - (wanted[i] as number))))).toBeLessThan(1e-4)
    },
  )

  it("names what it reads at a layer, and nothing where it does not act", async () => {
    const [first, second] = sites.filter(({ section, attention }) => section === "middle" && attention === "self")
    const { params } = await modelAt([first as Site, second as Site])
    const images = { count: 1, height: 64, width: 96, data: new Float32Array(64 * 96 * 3) }
    const control = prepareControl(ops, params, images)
    const layer = layerOf(first as Site)
    const place = { ...UNKNOWN_PASS, grid: { height: 2, width: 3 } }
    const at = (strength: Parameters<typeof llliteTap>[3]) => llliteTap(ops, params, control, strength)
    const read = at(0.5).reads?.(layer, place, 2)
    // `down` and `up` have a weight and a bias, `midDown` a weight. Then the control's share, and both `down` as one.
    expect(read?.reads).toHaveLength(8)
    const [adapter, joined] = [params.adapters.get(first?.key ?? ""), control.downs.get(first?.key ?? "")]
    expect(read?.reads).toEqual([
      ...[adapter?.down.weight, adapter?.down.bias, adapter?.midDown, adapter?.up.weight, adapter?.up.bias],
      ...[control.shares.get(first?.key ?? "")?.share, joined?.weight, joined?.bias],
    ])
    expect([read?.key, read?.trained]).toEqual(["lllite 2×3 0.5", []])
    expect(at(0.5).reads?.(layerOf(second as Site), place, 2)?.reads).toHaveLength(6)
    const nothing = { key: "", reads: [], trained: [] }
    expect(at(0).reads?.(layer, place, 2)).toEqual(nothing)
    expect(at(0.5).reads?.(layer, { ...place, grid: null }, 2)).toEqual(nothing)
    const other = layerOf(sites.find(({ section }) => section === "input") as Site)
    expect(at(0.5).reads?.(other, place, 2)).toEqual(nothing)
    expect([at(1).has(layer), at(1).has(other), at(1).has({ ...layer, network: "text1" })]).toEqual([
      true,
      false,
      false,
    ])
    const x = tf.zeros([2, 6, layer.inDim])
    expect(at(0).before?.([layer, layer], x, place)).toEqual([x, x])
    expect(at(1).before?.([other], x, place)).toEqual([x])
    expect(at(1).before?.([layer], x, { ...place, grid: null })).toEqual([x])
    x.dispose()
    control.dispose()
    disposeLllite(params)
  })
})

describe("adapters before one input", () => {
  it("are the queries, keys and values of SDXL's 70 self-attentions", () => {
    const plans = enumerateSites(SDXL_LAYOUT, NAMED_SELECTIONS.transformerAllOutputBlocks).map((site) => ({
      site,
      ...DIMS,
    }))
    const groups = sharedInputs(plans)
    expect(groups).toHaveLength(70)
    for (const group of groups) {
      expect(group.map(({ site }) => site.projection)).toEqual(["q", "k", "v"])
      expect(new Set(group.map(({ site }) => site.path.replace(/to_[qkv]$/, ""))).size).toBe(1)
    }
    const queries = plans.filter(({ site }) => site.projection === "q")
    expect(sharedInputs(queries)).toEqual([])
  })
})

describe("patches for several sites", () => {
  it("are cut once for each depth, number of channels and kind of input", () => {
    const [two, three] = ([2, 3] as const).map((depth) => ({
      site: enumerateSites(LAYOUT).find((site) => site.depth === depth) as Site,
      ...DIMS,
    })) as [AdapterPlan, AdapterPlan]
    const asked: PatchForm[] = []
    const plans: AdapterPlan[] = [two, three, two, { ...two, condChannels: 4 }, { ...two, condInput: "latent" }]
    const before = tf.memory().numTensors
    const set = createPatchSet(plans, (form) => {
      asked.push(form)
      return { count: asked.length, grid: { height: 1, width: 1 }, patches: tf.zeros([1, 1]) }
    })
    expect(asked).toEqual([
      { depth: 2, channels: 3, input: "pixel" },
      { depth: 3, channels: 3, input: "pixel" },
      { depth: 2, channels: 4, input: "pixel" },
      { depth: 2, channels: 3, input: "latent" },
    ])
    expect(plans.map((plan) => set.of(plan)?.count)).toEqual([1, 2, 1, 3, 4])
    expect(set.of({ ...three, condChannels: 4 })).toBeUndefined()
    set.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("are refused where a control has no latents", () => {
    const images = { count: 1, height: 32, width: 32, data: new Float32Array(32 * 32 * 3) }
    expect(() => cutControl(images, { depth: 2, channels: 3, input: "latent" } as PatchForm)).toThrow(
      "reads its control as latents, and there are none",
    )
  })
})
