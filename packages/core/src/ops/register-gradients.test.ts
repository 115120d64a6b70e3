import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import * as tf from "@tensorflow/tfjs-core"
import "@tensorflow/tfjs-backend-cpu"
import { beforeAll, describe, expect, it } from "vitest"
import { registerGradients } from "./register-gradients.ts"

/** Names of the kernels that have a gradient in TensorFlow.js, by the files that define them. */
function kernelsWithGradients(): readonly string[] {
  const require = createRequire(import.meta.url)
  const folder = join(dirname(require.resolve("@tensorflow/tfjs-core")), "gradients")
  const files = readdirSync(folder).filter((name) => name.endsWith("_grad.js"))
  return files.flatMap((name) =>
    [...readFileSync(join(folder, name), "utf8").matchAll(/kernelName: (\w+)/g)].map(([, kernel = ""]) => kernel),
  )
}

describe("registerGradients", () => {
  const missing = (): readonly string[] =>
    kernelsWithGradients().filter(
      (name) => tf.getGradient(String(Object.entries(tf).find(([key]) => key === name)?.[1])) === undefined,
    )

  beforeAll(async () => {
    await tf.setBackend("cpu")
  })

  it("registers all that TensorFlow.js has, where its core alone has none", async () => {
    expect(missing()).toHaveLength(kernelsWithGradients().length)
    await registerGradients()
    expect(missing()).toEqual([])
    expect(kernelsWithGradients().length).toBeGreaterThan(90)
  })

  it("keeps gradients that are there", async () => {
    const before = tf.getGradient(tf.RealDiv)
    await registerGradients()
    expect(tf.getGradient(tf.RealDiv)).toBe(before)
  })

  const filter = tf.tensor4d([1, -2, 0.5, 3, -1, 2, 0.25, 1], [2, 2, 1, 2])
  const depthwise = tf.tensor4d([1, -2, 0.5, 3], [2, 2, 1, 1])
  it.each<[string, (x: tf.Tensor4D) => tf.Tensor]>([
    ["conv2d", (x) => tf.conv2d(x, filter, 1, "same")],
    ["conv2dTranspose", (x) => tf.conv2dTranspose(x, tf.transpose(filter, [0, 1, 3, 2]), [1, 4, 4, 2], 1, "same")],
    ["depthwiseConv2d", (x) => tf.depthwiseConv2d(x, depthwise, 1, "valid")],
    ["maxPool", (x) => tf.maxPool(x, 2, 1, "valid")],
    ["avgPool", (x) => tf.avgPool(x, 2, 1, "valid")],
    ["resizeBilinear", (x) => tf.image.resizeBilinear(x, [7, 5])],
    ["elu", (x) => tf.elu(x)],
    ["mean", (x) => tf.mean(x, [1])],
    ["prod", (x) => tf.prod(x, 2)],
    [
      "gather in a batch",
      (x) => tf.gather(tf.reshape(x, [4, 4]), tf.tensor2d([0, 2, 1, 1, 3, 0, 0, 0], [4, 2], "int32"), 1, 1),
    ],
    ["transpose", (x) => tf.transpose(x, [0, 2, 1, 3])],
  ])("gives %s the slope of its differences", (_, f) => {
    const values = Array.from({ length: 16 }, (_, i) => ((7 * i) % 16) / 4 - 1.9)
    const at = (changed: readonly number[]): number => {
      const y = f(tf.tensor4d([...changed], [1, 4, 4, 1])).dataSync()
      return Array.from(y).reduce((sum, value, i) => sum + value * Math.cos(i), 0)
    }
    const slope = tf
      .grad((x: tf.Tensor) => {
        const y = f(x as tf.Tensor4D)
        return tf.sum(tf.mul(y, tf.reshape(tf.cos(tf.range(0, y.size)), y.shape)))
      })(tf.tensor4d(values, [1, 4, 4, 1]))
      .dataSync()
    const step = 2 ** -6
    for (const [i, value] of values.entries()) {
      const moved = (by: number): number => at(values.with(i, value + by))
      expect(slope[i]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 2)
    }
  })
})
