import { unetTable } from "@lllite/format"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../../../reference/synthetic.ts"
import { apart } from "../../../test/apart.ts"
import { openSmallUnet, type UnetWithInput } from "../../../test/small-unet-input.ts"
import { disposeResiduals, residualsOf } from "../../../test/small-unet-parts.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { timestepEmbedding } from "../../diffusion/size-embedding.ts"
import type { Ops, RepeatedPass } from "../../ops/ops.ts"
import { NO_READS, NO_TAP, type Tap } from "../taps.ts"
import { composedBlocks } from "./block-verbs.ts"
import { unetWidths } from "./config.ts"
import { createFeatureCache } from "./feature-cache.ts"
import type { UnetParams } from "./params.ts"
import { createTextKeyCache } from "./text-keys.ts"
import { type UnetInput, type UnetOptions, unet } from "./unet.ts"
import type { Residuals } from "./walk.ts"

/** Layers that multiply. */
const products = unetTable(SMALL_UNET.layout, unetWidths(SMALL_UNET)).layers.filter(
  ({ kind }) => kind !== "norm",
).length

let small: UnetWithInput
let ops: Ops
let params: UnetParams
let input: UnetInput
beforeAll(async () => {
  small = await openSmallUnet()
  ;({ ops, params, input } = small)
})
afterAll(() => small.dispose())

describe("the input of a U-Net", () => {
  const of = (shape: number[]): Tensor => tf.zeros(shape)
  it.each<[Record<string, () => unknown>, string]>([
    [{ latents: () => of([2, 8, 8, 5]) }, "unet: latents are [2, 8, 8, 5], expected 4 channels last"],
    [{ timesteps: () => [1, 2, 3] }, "unet: timesteps are 3, expected one for each of 2 samples"],
    [{ timesteps: () => [] }, "unet: timesteps are 0, expected one for each of 2 samples"],
    [{ context: () => of([1, 7, 16]) }, "unet: context is [1, 7, 16], expected [2, T, 16]"],
    [{ context: () => of([2, 7, 15]) }, "unet: context is [2, 7, 15], expected [2, T, 16]"],
    [{ vector: () => of([3, 1544]) }, "unet: vector is [3, 1544], expected [2, 1544]"],
    [{ vector: () => of([2, 1545]) }, "unet: vector is [2, 1545], expected [2, 1544]"],
    [{ latents: () => null }, "unet: latents"],
    [{ timesteps: () => 5 }, "unet: timesteps"],
    [{ context: () => "a star" }, "unet: context"],
    [{ vector: () => undefined }, "unet: vector"],
  ])("%#: is refused with the shape that came and the one that is expected", (change, message) => {
    tf.tidy(() => {
      const [[name = "", make = () => null] = []] = Object.entries(change)
      expect(() => unet(ops, params, { ...input, [name]: make() })).toThrow(message)
    })
  })

  it("comes after ops, with options", () => {
    expect(() => unet(null as unknown as Ops, params, input)).toThrow(/^unet: the ops /)
    expect(() => unet(ops, params, input, 3 as unknown as UnetOptions)).toThrow(/^unet: the options /)
    expect(() => unet(ops, {} as UnetParams, input)).toThrow(/^unet: the params /)
  })

  it.each([
    [null, "unet: the input"],
    [3, "unet: the input"],
  ])("is an object, not %j", (given, message) => {
    expect(() => unet(ops, params, given as unknown as UnetInput)).toThrow(message)
  })
})

describe("a recorded pass", () => {
  const recorded = (options: UnetOptions, change = (inputs: readonly Tensor[]): readonly Tensor[] => inputs) => {
    const passes: (RepeatedPass<Tensor> & { readonly waves: readonly number[] })[] = []
    const runPass = ((pass: RepeatedPass<Tensor>) => {
      passes.push({ ...pass, waves: [...(pass.inputs[1]?.dataSync() ?? [])] })
      return pass.run(change(pass.inputs))
    }) as NonNullable<Ops["runPass"]>
    return { y: unet({ ...ops, runPass }, params, input, options), passes }
  }

  it("has the text of the key, the inputs and all that is read", () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const textKeys = createTextKeyCache()
      const all = residualsOf(0.5)
      const skips = all.skips.map((skip, i) => (i === 2 || i === 5 ? skip : null))
      const tapped = tf.scalar(2)
      const tap: Tap = {
        has: ({ path }) => path === "out.2",
        reads: (_, { grid }, count) => ({ key: `${grid?.height} ${count}`, reads: [tapped], trained: [] }),
      }
      const [bare] = recorded({}).passes
      const [full] = recorded({ tap, textKeys, residuals: { skips, middle: all.middle } }).passes
      expect(bare?.key.trim()).toBe("unet")
      expect(bare?.reads).toEqual([params])
      expect(bare?.inputs).toHaveLength(4)
      expect(full?.key).toMatch(/^unet \|*8 2\|* --\+--\+---\+$/)
      expect(full?.reads).toEqual([params, textKeys, tapped])
      expect(full?.inputs).toEqual([
        input.latents,
        full?.inputs[1],
        input.context,
        input.vector,
        skips[2],
        skips[5],
        all.middle,
      ])
      expect(full?.waves).toEqual([...timestepEmbedding(999, 32), ...timestepEmbedding(20, 32)])
      textKeys.dispose()
      disposeResiduals(all)
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it("adds every residual at its own place, some of which are missing", () => {
    tf.tidy(() => {
      const all = residualsOf(0.5)
      for (const [keptSkips, hasMiddle] of [
        [[0, 4, 8], true],
        [[1, 2, 3], false],
        [[], true],
      ] as const) {
        const kept: readonly number[] = keptSkips
        const residuals: Residuals = {
          skips: all.skips.map((skip, i) => (kept.includes(i) ? skip : null)),
          middle: hasMiddle ? all.middle : null,
        }
        expect(apart(recorded({ residuals }).y, unet(ops, params, input, { residuals }))).toBeLessThan(1e-6)
      }
      disposeResiduals(all)
    })
  })

  it("reads what it is given when it runs again, and nothing of its first inputs", () => {
    tf.tidy(() => {
      const all = residualsOf(0.5)
      const doubled = (residual: Tensor4D | null): Tensor4D | null => residual && tf.mul(residual, 2)
      const { y } = recorded({ residuals: all }, ([latents, , context, vector, ...residuals]) => [
        ...[latents, context, vector].flatMap((x, i) => [tf.mul(x as Tensor, 2), ...(i === 0 ? [waves()] : [])]),
        ...residuals.map((residual) => tf.mul(residual, 2)),
      ])
      const other: UnetInput = {
        latents: tf.mul(input.latents, 2),
        timesteps: [300, 700],
        context: tf.mul(input.context, 2),
        vector: tf.mul(input.vector, 2),
      }
      const residuals: Residuals = { skips: all.skips.map(doubled), middle: doubled(all.middle) }
      expect(apart(y, unet(ops, params, other, { residuals }))).toBeLessThan(1e-6)
      disposeResiduals(all)
    })
    function waves(): Tensor {
      return tf.tensor([...timestepEmbedding(300, 32), ...timestepEmbedding(700, 32)], [2, 32])
    }
  })

  it.each<[string, () => UnetOptions]>([
    ["features shrink", () => ({ shrink: { depth: 3, ratio: 0.5 } })],
    ["features are kept", () => ({ features: createFeatureCache({ interval: 1 }) })],
    ["regions have texts", () => ({ regions: [wholePicture()] })],
    ["a runtime has its own blocks", () => ({ blocks: { ...composedBlocks } })],
    [
      "a tap trains",
      () => ({ tap: { has: () => true, reads: () => ({ ...NO_READS, trained: [input.latents] }) } satisfies Tap }),
    ],
  ])("is not made where %s", (_, optionsOf) => {
    tf.tidy(() => {
      const options = optionsOf()
      const { y, passes } = recorded(options)
      expect(passes).toEqual([])
      expect(y.shape).toEqual([2, 8, 8, 4])
      options.features?.dispose()
    })
  })

  /** A region that is the whole picture of both rows. */
  const wholePicture = () => ({
    context: input.context,
    tap: NO_TAP,
    share: ({ height, width }: { height: number; width: number }) => tf.ones([1, height * width, 1]),
  })

  it("runs the runtime's own blocks, but not beside texts of regions", () => {
    tf.tidy(() => {
      let calls = 0
      const blocks = {
        ...composedBlocks,
        forward: (...read: Parameters<typeof composedBlocks.forward>) => {
          calls += 1
          return composedBlocks.forward(...read)
        },
      }
      const plain = unet(ops, params, input)
      expect(unet(ops, params, input, { blocks }).dataSync()).toEqual(plain.dataSync())
      expect(calls).toBe(19)
      const region = unet(ops, params, input, { blocks, regions: [wholePicture()] })
      expect(calls).toBe(19)
      // One text everywhere is that text, but for the sum's 1e-4.
      expect(apart(region, plain)).toBeLessThan(1e-3)
    })
  })

  it.each([
    [8, 8],
    [7, 5],
  ])("asks the tap for every layer at the grid where it acts (latents of %s × %s)", (height, width) => {
    const acted = new Map<string, unknown>()
    const asked = new Map<string, unknown>()
    const tap: Tap = {
      has: () => true,
      before(layers, x, { grid }) {
        for (const { path } of layers) acted.set(path, grid)
        return layers.map(() => x)
      },
      reads({ path }, { grid }) {
        asked.set(path, grid)
        return NO_READS
      },
    }
    tf.tidy(() => {
      const latents = tf.tensor4d(signal("odd", [2, height, width, 4]), [2, height, width, 4])
      const runPass: NonNullable<Ops["runPass"]> = ({ inputs, run }) => run(inputs)
      const whole = unet({ ...ops, runPass }, params, { ...input, latents }, { tap })
      const plain = unet(ops, params, { ...input, latents }, { tap })
      expect(whole.dataSync()).toEqual(plain.dataSync())
    })
    expect(acted.size).toBe(products)
    expect(asked).toEqual(acted)
  })

  it("is run without a record where a tap does not say what it reads, and on a tape", () => {
    const runPass = (): never => {
      throw new Error("this pass was to be recorded")
    }
    tf.tidy(() => {
      const failing: Ops = { ...ops, runPass }
      expect(() => unet(failing, params, input)).toThrow("this pass was to be recorded")
      unet(failing, params, input, { tap: { has: () => true } })
      tf.grad((latents: Tensor) => unet(failing, params, { ...input, latents: latents as Tensor4D }))(input.latents)
    })
  })
})

it("blocks may run as one, but not on a tape", () => {
  tf.tidy(() => {
    const whole = new Set<boolean | undefined>()
    const blocks = {
      ...composedBlocks,
      forward: (...read: Parameters<typeof composedBlocks.forward>) => {
        whole.add(read[0].isWhole)
        return composedBlocks.forward(...read)
      },
    }
    unet(ops, params, input, { blocks })
    expect([...whole]).toEqual([true])
    whole.clear()
    tf.grad((latents: Tensor) => unet(ops, params, { ...input, latents: latents as Tensor4D }, { blocks }))(
      input.latents,
    )
    expect([...whole]).toEqual([false])
  })
})

describe("kept deep features", () => {
  it("are those before the blocks that always run, and only these run in the next pass", () => {
    const before = tf.memory().numTensors
    const features = createFeatureCache({ interval: 3, depth: 2 })
    tf.tidy(() => {
      const ran: string[] = []
      const blocks = {
        ...composedBlocks,
        forward: (...read: Parameters<typeof composedBlocks.forward>) => {
          ran.push(read[1].name)
          return composedBlocks.forward(...read)
        },
      }
      const plain = unet(ops, params, input)
      const full = unet(ops, params, input, { features, blocks })
      expect(full.dataSync()).toEqual(plain.dataSync())
      expect(ran).toHaveLength(19)
      ran.length = 0
      const kept = unet(ops, params, input, { features, blocks })
      // With the same input, the deep features are what they would be.
      expect(apart(kept, plain)).toBeLessThan(1e-6)
      expect(ran).toEqual(["input 0", "input 1", "output 7", "output 8"])
      const other = unet(ops, params, { ...input, timesteps: [1, 900] }, { features })
      expect(apart(other, unet(ops, params, { ...input, timesteps: [1, 900] }))).toBeGreaterThan(1e-4)
      const again = unet(ops, params, { ...input, timesteps: [1, 900] }, { features, blocks })
      expect(apart(again, unet(ops, params, { ...input, timesteps: [1, 900] }))).toBeLessThan(1e-6)
    })
    features.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each([
    [{ interval: 0 }, "deepCache: interval is 0"],
    [{ interval: 1.5 }, "deepCache: interval is 1.5"],
    [{ interval: 2, depth: 0 }, "deepCache: depth is 0"],
    [{ interval: 2, depth: 1.5 }, "deepCache: depth is 1.5"],
    [null, "deepCache"],
  ])("have no cache of %j", (settings, message) => {
    expect(() => createFeatureCache(settings as { interval: number })).toThrow(message)
  })
})
