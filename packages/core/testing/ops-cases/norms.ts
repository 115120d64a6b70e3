import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { groupNormBeside, layerNormBeside } from "../../src/ops/joined-verbs.ts"
import * as plain from "../plain-ops.ts"
import { doubles, entry, input, type OpsCase, sum, TOLERANCE, values } from "./case.ts"

/** Norms of groups and of layers. */
export function normCases(): OpsCase[] {
  return [
    ...[false, true].flatMap((silu) => [
      groupNormCase("one channel per group", [2, 5, 7, 32], 32, silu, 1),
      groupNormCase("three channels per group", [1, 9, 8, 6], 2, silu, 1),
      groupNormCase("one pixel", [3, 1, 1, 8], 2, silu, 1),
      groupNormCase("far from zero", [1, 6, 6, 64], 32, silu, 1, 20),
    ]),
    layerNormCase("rows of three axes", [2, 77, 70], 0),
    layerNormCase("one row of three", [1, 3], 0),
    layerNormCase("far from zero", [5, 64], 20),
    layerNormCase("rows of three axes, plus their input", [2, 37, 70], 0, true),
    groupNormCase("three channels per group, plus the input", [2, 5, 7, 6], 2, true, 1, 0, true),
  ]
}

function groupNormCase(
  title: string,
  shape: readonly [number, number, number, number],
  groups: number,
  silu: boolean,
  spread: number,
  centre = 0,
  isPlus = false,
): OpsCase {
  const [n, h, w, channels] = shape
  const [scale, shift] = [values("norm scale", [channels], 0.5, 1), values("norm shift", [channels])]
  const epsilon = 1e-5
  return {
    name: `groupNorm${isPlus ? "Beside" : ""}${silu ? " with SiLU" : ""}: ${title}`,
    inputs: [input("x", shape, spread, centre)],
    // Values far from zero have lost digits before the norm sees them.
    tolerance: centre === 0 ? TOLERANCE : 10 * TOLERANCE,
    async prepare(ops) {
      const weight = await ops.load.norm(entry("scale", [channels], scale), entry("shift", [channels], shift))
      const options = { groups, epsilon, silu }
      return {
        run: (x) =>
          isPlus
            ? tf.add(...groupNormBeside(ops, x as Tensor4D, weight, options))
            : ops.groupNorm(x as Tensor4D, weight, options),
        dispose: () => weight.dispose(),
      }
    },
    expected: (x) =>
      sum(
        plain.groupNorm(x as plain.Values, doubles(scale), doubles(shift), {
          ...{ n, pixels: h * w, channels, groups, epsilon, silu },
        }),
        isPlus ? x : undefined,
      ),
  }
}

function layerNormCase(title: string, shape: readonly number[], centre: number, isPlus = false): OpsCase {
  const channels = shape[shape.length - 1] as number
  const [scale, shift] = [values("norm scale", [channels], 0.5, 1), values("norm shift", [channels])]
  const epsilon = 1e-5
  return {
    name: `layerNorm${isPlus ? "Beside" : ""}: ${title}`,
    inputs: [input("x", shape, 1, centre)],
    tolerance: centre === 0 ? TOLERANCE : 10 * TOLERANCE,
    async prepare(ops) {
      const weight = await ops.load.norm(entry("scale", [channels], scale), entry("shift", [channels], shift))
      const run = (x: Tensor): Tensor =>
        isPlus ? tf.add(...layerNormBeside(ops, x, weight, epsilon)) : ops.layerNorm(x, weight, epsilon)
      return { run: (x) => run(x as Tensor), dispose: () => weight.dispose() }
    },
    expected: (x) =>
      sum(plain.layerNorm(x as plain.Values, doubles(scale), doubles(shift), epsilon), isPlus ? x : undefined),
  }
}
