import type {} from "@tensorflow/tfjs-core"
import { beforeAll, describe, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../ops.ts"
import { expectNumbers, wave } from "./numbers.test-help.ts"

const LIST = Float32Array.of(-30, -3, -1, -0.25, 0, 0.25, 1, 3, 30)

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

describe("activations", () => {
  it.each([
    [
      "relu",
      [
        [0, 0, 0, 0, 0, 0.25, 1, 3, 30],
        [0, 0, 0, 0, 0, 0.412118, -0.956635, -0.165604, 0.999309],
      ],
    ],
    [
      "silu",
      [
        [-2.80729e-12, -0.142278, -0.268941, -0.109456, 0, 0.140544, 0.731059, 2.85772, 30],
        [-1.30102e-12, -0.0712319, -0.0497458, -0.237539, 0.425218, 0.257042, -0.887442, -0.180195, 0.999309],
      ],
    ],
    [
      "gelu",
      [
        [-0, -0.00404969, -0.158655, -0.100323, 0, 0.149677, 0.841345, 2.99595, 30],
        [-2.11951e-195, -0.00965801, 0.0573016, -0.192301, 0.425218, 0.286576, -1.03634, -0.167582, 0.999309],
      ],
    ],
    [
      "quickGelu",
      [
        [-2.00468e-21, -0.0180713, -0.154204, -0.0988004, 0, 0.1512, 0.845796, 2.98193, 30],
        [-1.60375e-21, -0.0198472, 0.0466165, -0.185276, 0.425218, 0.291162, -1.02148, -0.169669, 0.999309],
      ],
    ],
  ] as const)("%s has PyTorch's values and slopes, with tails", async (verb, numbers) => {
    await expectNumbers((x) => ops[verb](x), [[[9], LIST]], numbers)
  })

  it("geglu multiplies the first half by the GELU of the second", async () => {
    const shape = [2, 2, 4]
    await expectNumbers(
      (h) => ops.geglu(h),
      [[shape, wave(shape, 1, 2)]],
      [
        [-0.0913073, -0.111425, -0.0981434, -0.0732149, -0.178885, -1.56627, -0.186984, -3.41891],
        [
          -0.026011, -0.105394, -0.0771463, 0.153277, 0.0337991, -0.307501, 0.123238, 0.090573, -0.0850089, 0.578341,
          -0.1939, -0.518551, 0.160479, -0.316238, -0.0493182, 0.323084,
        ],
      ],
    )
  })
})
