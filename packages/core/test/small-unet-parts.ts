import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { signal } from "../reference/synthetic.ts"
import { type BlockVerbs, composedBlocks } from "../src/models/unet/block-verbs.ts"
import type { Residuals } from "../src/models/unet/walk.ts"
import { SMALL_UNET } from "./synthetic-sdxl.ts"

/** Core's blocks, with a count of the calls. */
export function countedBlocks(calls: { forward: number; keep: number; back: number }): BlockVerbs {
  return {
    forward: (...read) => {
      calls.forward += 1
      return composedBlocks.forward(...read)
    },
    keep: (...read) => {
      calls.keep += 1
      return composedBlocks.keep(...read)
    },
    back: (...read) => {
      calls.back += 1
      return composedBlocks.back(...read)
    },
  }
}

/** Noise of one spread for every skip and the middle. */
export function residualsOf(spread: number): Residuals {
  const noise = (name: string, shape: readonly number[]): Tensor4D =>
    tf.tensor4d(
      signal(name, shape).map((value) => value * spread),
      shape as [number, number, number, number],
    )
  const [c0, c1, c2] = SMALL_UNET.layout.channelMult.map((mult) => mult * SMALL_UNET.layout.modelChannels) as [
    number,
    number,
    number,
  ]
  const shapes = [
    ...[
      [8, c0],
      [8, c0],
      [8, c0],
      [4, c0],
    ],
    ...[
      [4, c1],
      [4, c1],
      [2, c1],
    ],
    ...[
      [2, c2],
      [2, c2],
    ],
  ] as const
  return {
    skips: shapes.map(([side = 0, channels = 0], i) => noise(`skip ${i}`, [2, side, side, channels])),
    middle: noise("middle", [2, 2, 2, c2]),
  }
}

export function disposeResiduals({ skips, middle }: Residuals): void {
  tf.dispose([...skips, middle].filter((tensor) => tensor !== null))
}
