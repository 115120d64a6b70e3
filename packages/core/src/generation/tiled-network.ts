import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Network } from "../diffusion/denoiser.ts"
import type { PassPosition } from "../diffusion/pass-position.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import {
  cellWeights,
  type Region,
  scaledRegion,
  type TileWeights,
  type Tiling,
  tilesOf,
  tileWeights,
} from "../tiling.ts"
import { type AdapterPlace, type AdapterUse, type PreparedAdapter, prepareAdapter } from "./adapters.ts"
import { type ControlNetUse, type PreparedControlNet, prepareControlNet } from "./control-nets.ts"
import { madeTogether } from "./made-together.ts"
import type { PreparedRegions } from "./regions.ts"

/** What acts in the part of the latents that a pass sees. */
export interface PassPart {
  /** The index of the tile, from 0. */
  readonly index: number
  /** The part of the latents. Null: all. */
  readonly region: Region | null
  readonly adapters: readonly PreparedAdapter[]
  readonly controlNets: readonly PreparedControlNet[]
  /** Null: texts and LoRAs act everywhere. */
  readonly regions: PreparedRegions | null
}

/** A tile with the values of its controls. */
export interface PreparedTile extends PassPart {
  readonly region: Region
  /** The tile's share of the whole at each cell. [1, height, width, 1] */
  readonly weight: Tensor4D
}

/** The tiles of a run. The caller disposes them. */
export interface PreparedTiles {
  readonly tiles: readonly PreparedTile[]
  dispose(): void
}

/** Tiles begin at multiples of this many latents, so that the tokens of neighbours lie on one grid. */
const TOKEN_LATENTS = 4

/**
 * Cuts the latents of pictures into tiles, and computes the values of the adapters' controls for each tile, once for a
 * run. The caller disposes the result.
 *
 * @param sides of the latents
 * @throws as `prepareAdapter` and `prepareControlNet`
 */
export function prepareTiles(
  place: AdapterPlace,
  sides: Pick<Region, "height" | "width">,
  tiling: Tiling,
  {
    adapters,
    controlNets,
    pictures,
    regionsIn,
  }: {
    readonly adapters: readonly AdapterUse[]
    readonly controlNets: readonly ControlNetUse[]
    readonly pictures: number
    /** Prepares the regions that a part of the pictures sees. */
    readonly regionsIn: (region: Region) => PreparedRegions | null
  },
): PreparedTiles {
  const { made: tiles, dispose } = madeTogether((keep) => {
    const regions = tilesOf(sides, tiling, VAE_FACTOR, TOKEN_LATENTS)
    const weights = tileWeights(sides, regions)
    return regions.map((region, index): PreparedTile => {
      const pixels = scaledRegion(region, VAE_FACTOR)
      const regions = regionsIn(pixels)
      return {
        regions: regions === null ? null : keep(regions),
        ...{ index, region },
        weight: keep(tf.tensor4d(cellWeights(weights[index] as TileWeights), [1, region.height, region.width, 1])),
        adapters: adapters.map((use) => keep(prepareAdapter(place, use, pictures, pixels))),
        controlNets: controlNets.map((use) => keep(prepareControlNet(place.ops, use, pictures, pixels))),
      }
    })
  })
  return { tiles, dispose }
}

/** A tile that has run. */
export interface TileReport {
  /** From 1. */
  readonly tile: number
  readonly tiles: number
  readonly position: PassPosition
}

/**
 * A network over latents of any size, by passes over tiles. Predictions of tiles that overlap are averaged, with smooth
 * weights, in every pass. So a sampler sees one prediction for the whole.
 *
 * Source: Bar-Tal et al. 2023 (arXiv:2302.08113), MultiDiffusion.
 *
 * @param networkOf the network over one tile
 * @param report Awaited after every tile but the last
 */
export function withTiles(
  { tiles }: PreparedTiles,
  networkOf: (tile: PreparedTile) => Network,
  report: (done: TileReport) => Promise<void> = async () => {},
): Network {
  const networks = tiles.map((tile) => ({ tile, network: networkOf(tile) }))
  return async (input, position) => {
    let sum: tf.Tensor = tf.zerosLike(input)
    try {
      for (const [i, { tile, network }] of networks.entries()) {
        const part = cut(input as Tensor4D, tile.region)
        const predicted = await Promise.resolve(network(part, position)).finally(() => part.dispose())
        const next = tf.tidy(() => tf.add(sum, placed(tf.mul(predicted as Tensor4D, tile.weight), tile.region, input)))
        tf.dispose([sum, predicted])
        sum = next
        if (i < tiles.length - 1) await report({ tile: i + 1, tiles: tiles.length, position })
      }
      return sum
    } catch (error) {
      sum.dispose()
      throw error
    }
  }
}

/** A part of latents. x: [N, H, W, C] → [N, height, width, C] */
export function cut(x: Tensor4D, { top, left, height, width }: Region): Tensor4D {
  return tf.slice(x, [0, top, left, 0], [-1, height, width, -1])
}

/** A part in its place, with zeros around it. */
export function placed(part: Tensor4D, { top, left, height, width }: Region, whole: tf.Tensor): Tensor4D {
  const [, rows = 0, columns = 0] = whole.shape
  return tf.pad(part, [NONE, [top, rows - top - height], [left, columns - left - width], NONE])
}

const NONE: [number, number] = [0, 0]
