import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { syntheticFile } from "../../../reference/weights.ts"
import { apart } from "../../../test/apart.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { startWasm } from "../../../test/wasm.ts"
import { checkEachBlock, normal } from "../../../testing/small-unet.ts"
import type { PassRow } from "../../diffusion/pass-position.ts"
import type { NetworkPart, Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import type { Grid, Pass, Tap, TapPlace } from "../taps.ts"
import { NO_TAP, UNKNOWN_PASS } from "../taps.ts"
import { loadParams, type WeightFile } from "../weight-reader.ts"
import { composedBlocks } from "./block-verbs.ts"
import { type BlockContext, runBlock } from "./blocks.ts"
import type { UnetBlock, UnetParams } from "./params.ts"
import { createTextKeyCache } from "./text-keys.ts"
import type { TextRegion } from "./text-regions.ts"
import { buildUnet } from "./weights.ts"

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

/** A part that ran, with what the verbs in it were given from outside. */
interface Ran {
  readonly part: Pick<NetworkPart<Tensor, Tensor>, "key" | "x" | "reads" | "trained">
  readonly given: ReadonlySet<unknown>
}

/** Ops that run parts as they are, and note what their verbs read. */
function watched(ran: Ran[]): Ops {
  let given: Set<unknown> | null = null
  let firstId = 0
  const note = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) note(each)
    // A tensor that the part made itself has a later id.
    else if (value instanceof tf.Tensor) {
      if (value.id < firstId) given?.add(value)
    } else if (typeof value === "object" && value !== null && "dispose" in value) given?.add(value)
  }
  const runPart: NonNullable<Ops["runPart"]> = (part) => {
    const own = new Set<unknown>()
    given = own
    const probe = tf.scalar(0)
    firstId = probe.id
    probe.dispose()
    const y = part.run(part.x)
    given = null
    ran.push({ part, given: own })
    return y
  }
  return new Proxy(
    { ...ops, runPart },
    {
      get(target, name: keyof Ops) {
        const verb = target[name]
        if (typeof verb !== "function" || name === "runPart") return verb
        return (...read: readonly unknown[]) => {
          for (const value of read) note(value)
          return (verb as (...read: readonly unknown[]) => unknown)(...read)
        }
      },
    },
  )
}

describe("the parts of a block that a runtime may run as one", () => {
  it("read their input, and else only what they name, all of which they use", async () => {
    const ran: Ran[] = []
    const sides: Ran[][] = []
    const places = new Map<string, Grid | null>()
    const noted: string[] = []
    await checkEachBlock(ops, { batch: 1, height: 8, width: 12 }, async ({ on, block, input }) => {
      const one = composedBlocks.forward(
        { ...on, tap: placed(on.tap, (path, { grid }) => places.set(path, grid)) },
        block,
        input,
      )
      const seen = (path: string, { grid }: TapPlace): void => {
        noted.push(path)
        expect([path, grid]).toEqual([path, places.get(path)])
      }
      ran.length = 0
      const whole = composedBlocks.forward(
        { ...on, ops: watched(ran), isWhole: true, tap: placed(on.tap, undefined, seen) },
        block,
        input,
      )
      expect(apart(whole, one)).toBeLessThan(1e-5)
      for (const { part, given } of ran) {
        const named = new Set<unknown>([part.x, ...part.reads, ...part.trained])
        expect([part.key, [...given].filter((value) => !named.has(value))]).toEqual([part.key, []])
        expect([part.key, part.reads.filter((value) => !given.has(value))]).toEqual([part.key, []])
        expect(part.key).toMatch(/^[a-z ]+ \d+×\d+ 16 gain/)
      }
      sides.push([...ran])
      tf.dispose([one, whole])
      return []
    })
    // Every layer of the blocks was asked for what its tap reads.
    expect(noted.length).toBe(new Set(noted).size)
    expect([...places.keys()].sort()).toEqual([...noted].sort())
    const keysOf = (index: number): readonly string[] =>
      (sides[index] ?? []).map(({ part }) => part.key.split(" 16 ")[0] as string)
    // Latents of 8×12: half of it after the first downsampling.
    expect(keysOf(0)).toEqual(["conv 8×12"])
    expect(keysOf(3)).toEqual(["downsample 8×12"])
    expect(keysOf(4)).toEqual(["res 4×6", "into 4×6", "transformer 4×6", "out of 4×6"])
    // The last output block of a level doubles the sides first.
    expect(keysOf(12).at(-1)).toBe("upsample 4×6")
  })

  it("are not used where gradients of everything may be asked for, and where a tap does not say what it reads", async () => {
    const ran: Ran[] = []
    await checkEachBlock(ops, { batch: 1, height: 8, width: 8 }, async ({ on, block, input }) => {
      const read = { ...on, ops: watched(ran) }
      const { reads: _, ...silent } = on.tap
      tf.dispose([
        composedBlocks.forward(read, block, input),
        composedBlocks.forward({ ...read, isWhole: true, tap: silent }, block, input),
      ])
      return []
    })
    expect(ran).toEqual([])
  })

  it("read kept keys and values in place of the text", async () => {
    const ran: Ran[] = []
    const textKeys = createTextKeyCache()
    await checkEachBlock(ops, { batch: 1, height: 8, width: 8 }, async ({ on, block, input }) => {
      if (block.name !== "middle") return []
      const read = { ...on, ops: watched(ran), isWhole: true, textKeys, tap: NO_TAP }
      const plain = composedBlocks.forward({ ...read, textKeys: null }, block, input)
      const kept = composedBlocks.forward(read, block, input)
      expect(apart(kept, plain)).toBeLessThan(1e-6)
      const parts = ran.filter(({ part }) => part.key.startsWith("transformer"))
      expect(parts.map(({ part }) => part.key.replace(/ \d.*/, ""))).toEqual(["transformer", "transformer with text"])
      expect(parts.map(({ part }) => part.reads.includes(on.context))).toEqual([true, false])
      tf.dispose([plain, kept])
      return []
    })
    expect(ran.length).toBe(10)
    textKeys.dispose()
  })
})

/** A tap that tells the places at which it acts, or is asked for what it reads. */
function placed(
  tap: Tap,
  acts?: (path: string, place: TapPlace) => void,
  asked?: (path: string, place: TapPlace) => void,
): Tap {
  return {
    ...tap,
    after(layers, xs, ys, place) {
      for (const { path } of layers) acts?.(path, place)
      return tap.after?.(layers, xs, ys, place) ?? ys
    },
    reads(layer, place, count) {
      asked?.(layer.path, place)
      return tap.reads?.(layer, place, count) ?? null
    },
  }
}

describe("texts of regions", () => {
  const GRID = { height: 2, width: 3 }
  const CHANNELS = 64
  let params: UnetParams
  let block: UnetBlock
  let x: Tensor4D
  let contexts: readonly Tensor3D[]
  let base: BlockContext
  let before = 0
  beforeAll(async () => {
    before = tf.memory().numTensors
    params = await loadParams("a U-Net", await withoutFeedForward(), ops.load, buildUnet(SMALL_UNET))
    // A transformer alone.
    const found = params.inputBlocks[4] as UnetBlock
    block = { ...found, parts: found.parts.filter(({ kind }) => kind === "transformer") }
    x = normal("x", [3, GRID.height, GRID.width, CHANNELS])
    contexts = ["plain", "first", "second"].map((name) => normal<Tensor3D>(name, [3, 5, SMALL_UNET.contextDim]))
    base = {
      ops,
      tap: NO_TAP,
      pass: UNKNOWN_PASS,
      headDim: 64,
      embedding: tf.zeros([3, 128]),
      context: contexts[0] as Tensor3D,
    }
  })
  afterAll(() => {
    disposeParams(params)
    tf.dispose([x, ...contexts, base.embedding])
    expect(tf.memory().numTensors).toBe(before)
  })

  /** With feed-forwards of zeros, the transformer adds a linear image of what the cross-attention gives. */
  async function withoutFeedForward(): Promise<WeightFile> {
    const { label, entries } = await syntheticFile(buildUnet(SMALL_UNET))
    return {
      label,
      entries: new Map(
        [...entries].map(([name, entry]) =>
          /\.ff\.net\.2\./.test(name)
            ? [name, { ...entry, read: async () => new Uint8Array(4 * entry.shape.reduce((a, b) => a * b, 1)) }]
            : [name, entry],
        ),
      ),
    }
  }

  /** The last two rows of a text. */
  const pictures = (context: Tensor3D | undefined): Tensor3D => tf.slice(context as Tensor3D, [1, 0, 0], [2, -1, -1])

  const regionOf = (text: number, shares: readonly number[], tap: Tap = NO_TAP): TextRegion => ({
    context: pictures(contexts[text]),
    tap,
    share: (grid) => {
      expect(grid).toEqual(GRID)
      return tf.tensor(shares, [shares.length / 6, 6, 1])
    },
  })

  const outputOf = (changes: Partial<BlockContext>): Tensor3D =>
    tf.reshape(runBlock({ ...base, ...changes }, block, x), [3, 6, CHANNELS])

  /** What the rows of pictures get from a text, and what they have without one. */
  function fromTexts() {
    const without = outputOf({ regions: [regionOf(1, Array(6).fill(0))] })
    const given = [1, 2].map((text) => tf.sub(outputOf({ context: contexts[text] as Tensor3D }), without))
    return { without, given: given as [Tensor, Tensor] }
  }

  it("are averaged by their shares at each token, and the first rows read the context", () => {
    tf.tidy(() => {
      const [first, second] = [
        [1, 0.5, 0, 0, 2, 0.25],
        [0, 0.5, 3, 0, 1, 0.75],
      ] as const
      const found = outputOf({ regions: [regionOf(1, first), regionOf(2, second)] })
      const { without, given } = fromTexts()
      const share = (own: readonly number[]): Tensor =>
        tf.tensor(
          own.map((value, i) => value / ((first[i] as number) + (second[i] as number) + 1e-4)),
          [1, 6, 1],
        )
      const wanted = tf.add(without, tf.add(tf.mul(given[0], share(first)), tf.mul(given[1], share(second))))
      const rows = (y: Tensor): Tensor => tf.slice(y, [1, 0, 0], [2, -1, -1])
      expect(apart(rows(found), rows(wanted))).toBeLessThan(1e-5)
      expect(apart(rows(found), rows(without))).toBeGreaterThan(1e-2)
      const plain = outputOf({})
      expect(apart(tf.slice(found, 0, 1), tf.slice(plain, 0, 1))).toBeLessThan(1e-5)
      expect(apart(tf.slice(without, 0, 1), tf.slice(plain, 0, 1))).toBeLessThan(1e-5)
    })
  })

  it("have shares for each picture, and may stand without negative prompts", () => {
    tf.tidy(() => {
      const shares = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]
      const found = outputOf({ regions: [regionOf(1, shares)] })
      const { without, given } = fromTexts()
      const factors = tf.tensor([...Array(6).fill(0), ...shares.map((value) => value / (value + 1e-4))], [3, 6, 1])
      const wanted = tf.add(without, tf.mul(given[0], factors))
      expect(apart(tf.slice(found, 1), tf.slice(wanted, 1))).toBeLessThan(1e-5)
      const two = { context: pictures(contexts[0]), embedding: tf.zeros([2, 128]) }
      const alone = runBlock({ ...base, ...two, regions: [regionOf(1, shares)] }, block, tf.slice(x, 1) as Tensor4D)
      expect(apart(tf.reshape(alone, [2, 6, CHANNELS]), tf.slice(found, 1))).toBeLessThan(1e-5)
    })
  })

  it("have taps of their own, whose change of an output is not divided where regions overlap", () => {
    tf.tidy(() => {
      const out = ({ path }: NetworkLayer): boolean => path.endsWith("attn2.to_out.0")
      const passes: Pass["rows"][] = []
      const doubled: Tap = {
        has: out,
        after: (_, __, ys, { rows }) => {
          passes.push(rows)
          return ys.map((y) => tf.mul(y, 2))
        },
      }
      const [first, second] = [Array<number>(6).fill(1), Array<number>(6).fill(3)]
      const rows = ["uncond", "cond", "cond"].map((guidance, i) => ({ guidance, picture: i % 2 }) as PassRow)
      const regions = [regionOf(1, first, doubled), regionOf(2, second)]
      const found = outputOf({ regions, pass: { position: null, rows } })
      const { without, given } = fromTexts()
      const share = (value: number): number => value / (4 + 1e-4)
      // The average, and beside it the first text's whole change times its share.
      const wanted = tf.add(without, tf.add(tf.mul(given[0], share(1) + 1), tf.mul(given[1], share(3))))
      expect(apart(tf.slice(found, 1), tf.slice(wanted, 1))).toBeLessThan(1e-5)
      expect(passes).toEqual([rows.slice(1)])
    })
  })
})
