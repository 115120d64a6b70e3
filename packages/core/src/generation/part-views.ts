import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Network } from "../diffusion/denoiser.ts"
import type { Grid } from "../models/taps.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { scaledRegion } from "../tiling.ts"
import { type AdapterPlace, type AdapterUse, prepareAdapter } from "./adapters.ts"
import { type ControlNetUse, prepareControlNet } from "./control-nets.ts"
import { madeTogether } from "./made-together.ts"
import { type PartUse, viewOf } from "./part-settings.ts"
import { cut, type PassPart, placed } from "./tiled-network.ts"

/** What acts in the views of a prompt's parts. The caller disposes it. */
export interface PreparedViews {
  /** Null: the part sees the whole. */
  readonly views: readonly (PassPart | null)[]
  dispose(): void
}

/**
 * Computes the values of controls for each part that sees a piece of the picture, once for a run. A control is cut with
 * the picture. The caller disposes the result.
 *
 * @param grid of the latents
 * @throws as `prepareAdapter` and `prepareControlNet`
 */
export function prepareViews(
  place: AdapterPlace,
  parts: readonly PartUse[],
  grid: Grid,
  {
    adapters,
    controlNets,
    pictures,
  }: {
    readonly adapters: readonly AdapterUse[]
    readonly controlNets: readonly ControlNetUse[]
    readonly pictures: number
  },
): PreparedViews {
  const { made: views, dispose } = madeTogether((keep) => {
    return parts.map((part): PassPart | null => {
      const region = viewOf(part, grid)
      if (region === null) return null
      const pixels = scaledRegion(region, VAE_FACTOR)
      return {
        ...{ index: 0, region, regions: null },
        adapters: adapters.map((use) => keep(prepareAdapter(place, use, pictures, pixels))),
        controlNets: controlNets.map((use) => keep(prepareControlNet(place.ops, use, pictures, pixels))),
      }
    })
  })
  return { views, dispose }
}

/** A network that runs on what a part sees. Its prediction is zero elsewhere. */
export function withView(part: PartUse, network: Network): Network {
  return async (input, position) => {
    const region = viewOf(part, gridOf(input))
    if (region === null) return network(input, position)
    const seen = cut(input as Tensor4D, region)
    let predicted: Tensor | undefined
    try {
      const output = await network(seen, position)
      predicted = output
      return tf.tidy(() => placed(output as Tensor4D, region, input))
    } finally {
      seen.dispose()
      predicted?.dispose()
    }
  }
}

/** The grid of latents. [N, H, W, C] */
export function gridOf({ shape: [, height = 0, width = 0] }: Tensor): Grid {
  return { height, width }
}
