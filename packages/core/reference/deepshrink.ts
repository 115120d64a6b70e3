import { enumerateSites } from "@lllite/format/selections"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { llliteTap, prepareControl } from "../src/models/lllite/adapter.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { sumTaps } from "../src/models/taps.ts"
import { type DeepShrink, shrinkAt } from "../src/models/unet/deep-shrink.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import { unet } from "../src/models/unet/unet.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { probe, toNchw } from "./layout.ts"
import type { LlliteReference, UnetSizes } from "./unet.ts"
import { controlOf, syntheticLllite, unetConfigOf, unetInput } from "./unet.ts"
import { loadSynthetic } from "./weights.ts"

interface ShrunkLllite extends LlliteReference {
  /** The tag of the control image. */
  readonly control: string
  readonly controlSize: readonly [height: number, width: number]
}

interface DeepShrinkCase {
  readonly key: string
  readonly tag: string
  readonly latent: readonly [number, number]
  readonly timestep: number
  readonly batch: number
  readonly deepShrink: {
    readonly depth1: number
    readonly timesteps1: number
    readonly depth2: number | null
    readonly timesteps2: number | null
    readonly ratio: number
  } | null
  readonly lllite?: ShrunkLllite
  readonly llliteSum?: readonly ShrunkLllite[]
  readonly referenceFails?: string
}

/** deepshrink.json */
export interface DeepShrinkReference {
  readonly unet: UnetSizes
  readonly cases: readonly DeepShrinkCase[]
}

/** The U-Net with Deep Shrink, on odd sizes, and with LLLites on both. Where the reference fails, ours has to be finite. */
export async function runDeepShrink(
  reference: DeepShrinkReference,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const params = await loadSynthetic("a U-Net", buildUnet(unetConfigOf(reference.unet)), ops.load)
  const results: CaseResult[] = []
  for (const each of reference.cases) {
    const output = await runCase(each, params, ops)
    const name = `deepshrink/${each.key}`
    const values = await toNchw(output)
    if (each.referenceFails !== undefined) {
      const ok = values.every(Number.isFinite)
      results.push({
        case: `${name} (fails in the reference)`,
        maxRelError: ok ? 0 : Number.POSITIVE_INFINITY,
        tolerance: 0,
        ok,
      })
    } else {
      const thinned = tf.stridedSlice(output, [0, 0, 0, 0], output.shape, [1, 2, 2, 1])
      results.push(
        compare(name, await toNchw(thinned), await tensors.readFloat32(each.key)),
        compare(`${name}.probe`, probe(values, each.latent[1]), await tensors.readFloat32(`${each.key}.probe`)),
      )
      thinned.dispose()
    }
    output.dispose()
  }
  disposeParams(params)
  return results
}

async function runCase(each: DeepShrinkCase, params: UnetParams, ops: Ops): Promise<Tensor4D> {
  const { batch, latent, tag, timestep, deepShrink } = each
  const input = unetInput({ tag, batch, latent, timesteps: Array(batch).fill(timestep) }, params.config)
  const uses = each.llliteSum ?? (each.lllite === undefined ? [] : [each.lllite])
  const sites = enumerateSites(params.config.layout)
  const adapters = await Promise.all(
    uses.map(async (use) => {
      const device = uploadLllite(await syntheticLllite(use, sites))
      const [height, width] = use.controlSize
      const control = prepareControl(ops, device, await controlOf(`${use.control}/control`, [1, 3, height, width]))
      return { device, control, tap: llliteTap(ops, device, control, use.strength) }
    }),
  )
  const shrink = deepShrink === null ? null : shrinkAt(settingsOf(deepShrink), timestep)
  const output = unet(ops, params, input, { tap: sumTaps(adapters.map(({ tap }) => tap)), shrink })
  tf.dispose([input.latents, input.context, input.vector])
  for (const { device, control } of adapters) {
    disposeLllite(device)
    control.dispose()
  }
  return output
}

function settingsOf({
  depth1,
  timesteps1,
  depth2,
  timesteps2,
  ratio,
}: NonNullable<DeepShrinkCase["deepShrink"]>): DeepShrink {
  const second = depth2 === null ? [] : [{ depth: depth2, timestep: timesteps2 ?? 1000 }]
  return { levels: [{ depth: depth1, timestep: timesteps1 }, ...second], ratio }
}
