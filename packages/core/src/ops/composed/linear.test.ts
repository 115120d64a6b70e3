import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../ops.ts"
import { entry, expectNumbers, type Input, kernelsOf, makeGradient, type Numbers, wave } from "./numbers.test-help.ts"

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

describe("affine maps", () => {
  it.each([
    [
      true,
      [2, 2, 2],
      [
        [
          0.679826, -1.33864, 0.232776, -0.627653, -0.39735, -0.279812, 1.08891, -1.82634, 0.766724, -0.922752,
          -0.00453075, -0.744267,
        ],
        [-0.591123, 0.940377, -0.990141, 0.591871, -0.157379, -0.492949, 0.871169, -0.964518],
      ],
    ],
    [
      false,
      [2, 2],
      [
        [0.538706, -0.338712, 0.116227, -0.768773, 0.602573, -0.396361],
        [-0.591123, 0.940377, -0.990141, 0.591871],
      ],
    ],
  ])("with weights that stay (bias: %s)", async (biased, shape, numbers) => {
    const bias = biased ? entry("b", [3], wave([3], 3)) : null
    const loaded = await ops.load.linear(entry("w", [3, 2], wave([3, 2], 2)), bias)
    const run = (x: Tensor): Tensor => ops.linear(x, loaded)
    const zeros = tf.zeros(shape)
    makeGradient(run, zeros)
    zeros.dispose()
    await expectNumbers(run, [[shape, wave(shape, 1)]], numbers)
    loaded.dispose()
  })

  const WEIGHT: Input = [[2, 3], wave([2, 3], 2)]
  const BIAS: Input = [[3], wave([3], 3)]
  const WITH_BIAS: readonly [Numbers, Numbers, Numbers, Numbers] = [
    [
      1.21781, -1.19578, -0.909674, -0.85696, -0.60228, 1.01216, 0.99431, -1.57294, -0.58898, -0.510525, -0.289574,
      0.585145,
    ],
    [0.539051, 1.42741, -1.34307, -0.325278, -1.55435, -1.67331, 0.16805, -0.93967],
    [0.138889, 0.660997, -0.309221, 0.361685, -0.11643, -0.331682],
    [-1.20038, 0.517703, 1.06698],
  ]

  it("with weights that train", async () => {
    const x: Input = [[2, 2, 2], wave([2, 2, 2], 1)]
    await expectNumbers(
      (x, weight, bias) => ops.dense(x as Tensor, weight as Tensor, bias as Tensor),
      [x, WEIGHT, BIAS],
      WITH_BIAS,
    )
    const flat: Input = [[2, 2], wave([2, 2], 1)]
    await expectNumbers(
      (x, weight) => ops.dense(x as Tensor, weight as Tensor, null),
      [flat, WEIGHT],
      [
        [1.07669, -0.19586, -1.02622, -0.99808, 0.397643, 0.895612],
        [0.539051, 1.42741, -1.34307, -0.325278],
        [1.00414, -0.128951, -0.970908, 0.31989, 0.190617, -0.36901],
      ],
    )
  })

  it("with weights that train, of an input that does not", async () => {
    const x = tf.tensor(wave([2, 2, 2], 1), [2, 2, 2])
    const options = { inputGradient: false }
    const [value, , ofWeight, ofBias] = WITH_BIAS
    const run = (weight?: Tensor, bias?: Tensor): Tensor => ops.dense(x, weight as Tensor, bias as Tensor, options)
    await expectNumbers(run, [WEIGHT, BIAS], [value, ofWeight, ofBias])
    const names = await kernelsOf(() => tf.grads(run)([tf.tensor(WEIGHT[1], [2, 3]), tf.tensor(BIAS[1], [3])]))
    // One product for the value, one for the weight, one for the bias.
    expect(names.filter((name) => /MatMul/.test(name))).toHaveLength(3)
    x.dispose()
  })
})
