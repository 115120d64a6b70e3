import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../../../reference/synthetic.ts"
import { apart } from "../../../test/apart.ts"
import { controlFile, SMALL_CONTROL, SMALL_UNION } from "../../../test/small-controlnet.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { startWasm } from "../../../test/wasm.ts"
import { sinusoidalEmbedding } from "../../diffusion/size-embedding.ts"
import type { LinearWeight, Ops } from "../../ops/ops.ts"
import { composedBlocks } from "../unet/block-verbs.ts"
import { vectorDimOf } from "../unet/config.ts"
import type { UnetInput } from "../unet/unet.ts"
import { sizedLike } from "../unet/walk.ts"
import { type ControlNetOptions, controlNet } from "./controlnet.ts"
import { type ControlNetHint, embedHint } from "./hint.ts"
import type { UnionParams } from "./params.ts"
import type { ControlNetResiduals } from "./residuals.ts"
import { embedTypes, joinHints } from "./union.ts"
import { type LoadedControlNet, loadControlNet } from "./weights.ts"

const [HEIGHT, WIDTH] = [6, 10] as const

let ops: Ops
let one: LoadedControlNet
let union: LoadedControlNet
let input: UnetInput
beforeAll(async () => {
  ops = await startWasm()
  one = await loadControlNet(await controlFile(), ops.load, SMALL_UNET)
  union = await loadControlNet(await controlFile(SMALL_CONTROL, SMALL_UNION), ops.load, SMALL_UNET)
  input = {
    latents: named("latents", [4, HEIGHT, WIDTH, 4]),
    timesteps: [900, 900, 20, 20],
    context: named<Tensor3D>("context", [4, 7, SMALL_UNET.contextDim]),
    vector: named<Tensor2D>("vector", [4, vectorDimOf(SMALL_UNET)]),
  }
})
afterAll(() => {
  one.dispose()
  union.dispose()
  tf.dispose([input.latents, input.context, input.vector])
})

function named<T extends Tensor = Tensor4D>(name: string, shape: number[]): T {
  return tf.tensor(signal(name, shape), shape) as T
}

/** An embedding of control pictures. */
const hintOf = (name: string, count: number, type = 0, sides: readonly number[] = [HEIGHT, WIDTH]): ControlNetHint => ({
  embedding: named(name, [count, ...sides, 32]),
  type,
})

const all = ({ skips, middle }: ControlNetResiduals): readonly Tensor4D[] => [...skips, middle]
const greatest = (a: ControlNetResiduals, b: ControlNetResiduals): number =>
  Math.max(...all(a).map((residual, i) => apart(residual, all(b)[i] as Tensor4D)))
/** Rows of every residual. */
const rowsOf = (residuals: ControlNetResiduals, rows: readonly number[]): ControlNetResiduals => {
  const cut = (x: Tensor4D): Tensor4D => tf.gather(x, [...rows])
  return { skips: residuals.skips.map(cut), middle: cut(residuals.middle) }
}

describe("a ControlNet", () => {
  it("gives a residual for each input block and the middle, and leaves nothing else behind", () => {
    const hint = hintOf("hint", 1)
    const before = tf.memory().numTensors
    const found = controlNet(ops, one.params, input, [hint])
    expect(tf.memory().numTensors).toBe(before + 10)
    const sides = [
      ...Array<readonly number[]>(3).fill([4, 6, 10, 32]),
      ...[[4, 3, 5, 32], ...Array<readonly number[]>(2).fill([4, 3, 5, 64])],
      ...[[4, 2, 3, 64], ...Array<readonly number[]>(2).fill([4, 2, 3, 128])],
    ]
    expect(found.skips.map(({ shape }) => shape)).toEqual(sides)
    expect(found.middle.shape).toEqual([4, 2, 3, 128])
    tf.dispose([...all(found), hint.embedding])
  })

  it("adds the control to the first convolution, and the sum of several to it", () => {
    tf.tidy(() => {
      const [first, second] = [hintOf("first", 1), hintOf("second", 1)]
      const { skips } = controlNet(ops, one.params, input, [first, second])
      const part = one.params.inputBlocks[0]?.parts[0]
      if (part?.kind !== "conv") throw new Error("the first block is no convolution")
      const read = ops.conv2d(input.latents, part.conv.weight, { stride: 1, padding: [1, 1, 1, 1] })
      const wanted = ops.linear(
        tf.add(tf.add(read, first.embedding), second.embedding),
        one.params.zero[0] as LinearWeight,
      )
      expect(apart(skips[0] as Tensor4D, wanted)).toBeLessThan(1e-6)
    })
  })

  it("does not read channels after those of the latents", () => {
    tf.tidy(() => {
      const hint = hintOf("hint", 1)
      const wide = tf.concat([input.latents, named("mask", [4, HEIGHT, WIDTH, 5])], 3) as Tensor4D
      const found = controlNet(ops, one.params, { ...input, latents: wide }, [hint])
      expect(greatest(found, controlNet(ops, one.params, input, [hint]))).toBe(0)
    })
  })

  it("reads picture n modulo their count in row n, and one picture in all", () => {
    tf.tidy(() => {
      const two = hintOf("two", 2)
      const picture = (i: number): ControlNetHint => ({
        embedding: tf.slice(two.embedding, [i, 0, 0, 0], [1, -1, -1, -1]),
        type: 0,
      })
      const found = controlNet(ops, one.params, input, [two], { pictures: 2 })
      for (const i of [0, 1]) {
        const alone = controlNet(ops, one.params, input, [picture(i)])
        expect(greatest(rowsOf(found, [i, i + 2]), rowsOf(alone, [i, i + 2]))).toBeLessThan(1e-6)
        expect(greatest(rowsOf(found, [1 - i]), rowsOf(alone, [1 - i]))).toBeGreaterThan(1e-4)
      }
    })
  })

  it("fits a control of another size to the latents", () => {
    tf.tidy(() => {
      const small = hintOf("small", 1, 0, [3, 5])
      const sized = { ...small, embedding: sizedLike(small.embedding, input.latents) }
      const found = controlNet(ops, one.params, input, [small])
      expect(greatest(found, controlNet(ops, one.params, input, [sized]))).toBe(0)
    })
  })

  it("runs every block of the runtime's own, in order", () => {
    tf.tidy(() => {
      const ran: string[] = []
      const whole: (boolean | undefined)[] = []
      const blocks = {
        ...composedBlocks,
        forward: (...read: Parameters<typeof composedBlocks.forward>) => {
          ran.push(read[1].name)
          whole.push(read[0].isWhole)
          return composedBlocks.forward(...read)
        },
      }
      controlNet(ops, one.params, input, [hintOf("hint", 1)], { blocks })
      expect(ran).toEqual([...Array.from({ length: 9 }, (_, i) => `input ${i}`), "middle"])
      expect(new Set(whole)).toEqual(new Set([true]))
    })
  })

  it.each<[string, () => [unknown, unknown, ControlNetOptions?], string | RegExp]>([
    ["no hint", () => [input, []], "ControlNet: there is no hint, expected at least one"],
    ["no list", () => [input, null], "ControlNet: the hints"],
    ["null as a hint", () => [input, [null]], "ControlNet: a hint"],
    ["a hint without an embedding", () => [input, [{ type: 0 }]], "ControlNet: the embedding of a hint"],
    ["a type of NaN", () => [input, [{ ...hintOf("h", 1), type: Number.NaN }]], "ControlNet: the type of a hint"],
    [
      "three control pictures",
      () => [input, [hintOf("h", 3)]],
      "ControlNet: 3 control pictures for 4 rows of the batch",
    ],
    [
      "three pictures",
      () => [input, [hintOf("h", 1)], { pictures: 3 }],
      "ControlNet: 3 pictures for 4 rows of the batch",
    ],
    ["no pictures", () => [input, [hintOf("h", 1)], { pictures: 0 }], "ControlNet: pictures is 0"],
    ["half a picture", () => [input, [hintOf("h", 1)], { pictures: 1.5 }], "ControlNet: pictures is 1.5"],
    ["an unknown option", () => [input, [hintOf("h", 1)], { picture: 1 } as object], /ControlNet.*"picture"/],
    ["no input", () => [null, [hintOf("h", 1)]], "ControlNet: the input"],
  ])("refuses %s", (_, given, message) => {
    tf.tidy(() => {
      const [read, hints, options] = given()
      expect(() => controlNet(ops, one.params, read as UnetInput, hints as ControlNetHint[], options)).toThrow(message)
    })
  })
})

describe("a control picture", () => {
  it("goes through convolutions, with SiLU between them and none after the last", () => {
    tf.tidy(() => {
      const picture = named("picture", [2, 48, 80, 3])
      const before = tf.memory().numTensors
      const found = embedHint(ops, one.params, picture)
      expect(tf.memory().numTensors).toBe(before + 1)
      expect(found.shape).toEqual([2, HEIGHT, WIDTH, 32])
      const strides = [1, 1, 2, 1, 2, 1, 2, 1] as const
      expect(one.params.hint.map(({ layer }) => layer.stride)).toEqual(strides)
      let h: Tensor4D = picture
      for (const [i, { weight }] of one.params.hint.entries()) {
        const y = ops.conv2d(h, weight, { stride: strides[i] as 1 | 2, padding: [1, 1, 1, 1] })
        h = i < 7 ? (tf.mul(y, tf.sigmoid(y)) as Tensor4D) : y
      }
      expect(apart(found, h)).toBeLessThan(1e-5)
    })
  })

  it("is a tensor, and the ControlNet a loaded one", () => {
    expect(() => embedHint(ops, one.params, null as unknown as Tensor4D)).toThrow("ControlNet: the picture")
    expect(() => embedHint(ops, {} as never, null as unknown as Tensor4D)).toThrow("ControlNet: the params")
    expect(() => embedHint(null as never, one.params, null as unknown as Tensor4D)).toThrow("ControlNet: the ops")
  })
})

describe("a ControlNet Union", () => {
  const paramsOf = (): UnionParams => {
    const { union: params } = union.params
    if (params === null) throw new Error("this ControlNet has one control type")
    return params
  }

  it("embeds which types are present, in the types' order", () => {
    tf.tidy(() => {
      const { typeEmbedding } = paramsOf()
      const of = (types: readonly number[]): Tensor =>
        embedTypes(
          ops,
          paramsOf(),
          types.map((type) => ({ type, embedding: input.latents })),
        )
      const waves = [0, 1, 0, 0, 1, 0].flatMap((present) => [...sinusoidalEmbedding(present, 256)])
      const [first, second] = typeEmbedding
      const wanted = ops.linear(ops.silu(ops.linear(tf.tensor2d(waves, [1, waves.length]), first)), second)
      expect(of([4, 1]).shape).toEqual([1, 128])
      expect(apart(of([4, 1]), wanted)).toBeLessThan(1e-6)
      expect(apart(of([1, 4, 4]), wanted)).toBeLessThan(1e-6)
      expect(apart(of([1]), wanted)).toBeGreaterThan(1e-3)
    })
  })

  it("shifts each control by its own token, and joins the rows of one picture alone", () => {
    tf.tidy(() => {
      const params = paramsOf()
      const latents = named("first", [4, HEIGHT, WIDTH, 32])
      const hints = [hintOf("a", 4, 1), hintOf("b", 1, 5)]
      const plain = tf.add((hints[0] as ControlNetHint).embedding, (hints[1] as ControlNetHint).embedding)
      const found = joinHints(ops, params, latents, hints, 2)
      const shift = tf.sub(found, plain)
      // A shift is one number for each row and channel.
      const means = tf.mean(shift, [1, 2], true)
      expect(apart(tf.add(tf.zerosLike(shift), means), shift)).toBeLessThan(1e-4)
      const tokens = tf.stack(
        [
          ...hints.map(({ embedding, type }) =>
            tf.tile(tf.add(tf.mean(embedding, [1, 2]), ops.lookUp(params.tasks, [[type]]).reshape([1, -1])), [
              4 / embedding.shape[0],
              1,
            ]),
          ),
          tf.mean(latents, [1, 2]),
        ],
        1,
      )
      const read = params.blocks.reduce((x: Tensor, block) => blockByHand(x, block, 2), tokens)
      const shifts = ops.linear(read, params.shifts)
      const wanted = tf.sum(tf.slice(shifts, [0, 0, 0], [-1, 2, -1]), 1)
      expect(apart(tf.reshape(means, [4, 32]), wanted)).toBeLessThan(1e-4)
    })
  })

  /** The rows of one picture attend to each other, at each token. */
  function blockByHand(x: Tensor, block: UnionParams["blocks"][number], pictures: number): Tensor {
    const [rows = 0, tokens = 0, width = 0] = x.shape
    const qkv = ops.linear(ops.layerNorm(x, block.norm1, 1e-5), block.qkv)
    const at = (row: number, token: number, part: number): Tensor2D =>
      tf.reshape(tf.slice(qkv, [row, token, part * width], [1, 1, width]), [8, width / 8])
    const attended = Array.from({ length: rows }, (_, row) =>
      tf.stack(
        Array.from({ length: tokens }, (_, token) => {
          const others = Array.from({ length: rows }, (_, other) => other).filter(
            (other) => other % pictures === row % pictures,
          )
          const scores = others.map((other) => tf.sum(tf.mul(at(row, token, 0), at(other, token, 1)), 1))
          const shares = tf.softmax(tf.div(tf.stack(scores, 1), Math.sqrt(width / 8)))
          const values = tf.stack(
            others.map((other) => at(other, token, 2)),
            1,
          )
          return tf.reshape(tf.sum(tf.mul(values, tf.expandDims(shares, 2)), 1), [width])
        }),
      ),
    )
    const h = tf.add(x, ops.linear(tf.stack(attended), block.out))
    const wide = ops.linear(ops.layerNorm(h, block.norm2, 1e-5), block.feedIn)
    const active = tf.mul(wide, tf.sigmoid(tf.mul(wide, 1.702)))
    return tf.add(h, ops.linear(active, block.feedOut))
  }

  it.each([-1, 6, 0.5])("has no control type %d", (type) => {
    tf.tidy(() => {
      const hint = hintOf("a", 1, type)
      expect(() => controlNet(ops, union.params, input, [hint])).toThrow(
        `ControlNet: a hint: type is ${type}, expected a whole number from 0 to 5`,
      )
      // A ControlNet of one control type does not read it.
      expect(() => controlNet(ops, one.params, input, [hint])).not.toThrow()
    })
  })

  it("runs with its types' embedding, and gives a picture of a batch what it has alone", () => {
    tf.tidy(() => {
      const [a, b] = [hintOf("a", 2, 0), hintOf("b", 2, 3)]
      const found = controlNet(ops, union.params, input, [a, b], { pictures: 2 })
      const other = controlNet(ops, union.params, input, [a, { ...b, type: 4 }], { pictures: 2 })
      expect(greatest(found, other)).toBeGreaterThan(1e-4)
      const cut = <T extends Tensor>(x: T, rows: number[]): T => tf.gather(x, rows)
      for (const i of [0, 1]) {
        const rows = [i, i + 2]
        const own: UnetInput = {
          latents: cut(input.latents, rows),
          timesteps: rows.map((row) => input.timesteps[row] as number),
          context: cut(input.context, rows),
          vector: cut(input.vector, rows),
        }
        const hints = [a, b].map(({ embedding, type }) => ({ embedding: cut(embedding, [i]), type }))
        const alone = controlNet(ops, union.params, own, hints)
        expect(greatest(rowsOf(found, rows), alone)).toBeLessThan(1e-5)
      }
    })
  })
})
