import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments, checkGiven, checkKinds, type OptionKinds } from "../argument.ts"
import type { Denoise, Network } from "../diffusion/denoiser.ts"
import { createDenoiser } from "../diffusion/denoiser.ts"
import type { ComposedGuidance, ComposedNetworks } from "../diffusion/guidance.ts"
import { withComposedGuidance, withGuidance, zeroEstimate } from "../diffusion/guidance.ts"
import { type PassRow, passRows } from "../diffusion/pass-position.ts"
import { checkSdxl } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { chainTaps, NO_TAP, type Tap } from "../models/taps.ts"
import { shrinkAt } from "../models/unet/deep-shrink.ts"
import type { FeatureCache } from "../models/unet/feature-cache.ts"
import type { TextKeyCache } from "../models/unet/text-keys.ts"
import { unet } from "../models/unet/unet.ts"
import { isComfyUiSyntax, PROMPT_DEFAULTS } from "../prompt/options.ts"
import type { PreparedAdapter } from "./adapters.ts"
import { tapAt } from "./adapters.ts"
import type { Conditions } from "./conditions.ts"
import type { PreparedControlNet } from "./control-nets.ts"
import { residualsAt } from "./control-nets.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"
import type { DeltaMeter } from "./delta-meter.ts"
import type { PartUse } from "./part-settings.ts"
import { gridOf, withView } from "./part-views.ts"
import { checkPlan, type SamplingPlan } from "./plan-sampling.ts"
import type { PreparedParts } from "./prompt-parts.ts"
import type { PreparedRegions } from "./regions.ts"
import type { GenerateOptions } from "./request.ts"
import { cut, type PassPart, type PreparedTiles, type TileReport, withTiles } from "./tiled-network.ts"
import { createWindowReader } from "./window.ts"

export interface LatentDenoiserOptions
  extends Pick<
    GenerateOptions,
    "combine" | "deepShrink" | "guidanceRescale" | "guidanceWindow" | "negativeScale" | "prompts" | "signal" | "pause"
  > {
  readonly guidanceScale: number
  /** What the U-Net reads beside the latents, one row for each picture. Default: nothing. [N, H/8, W/8, C'] */
  readonly channels?: Tensor4D | null
  readonly adapters?: readonly PreparedAdapter[]
  /** Measures what the adapters add. Null measures nothing. Default: null. */
  readonly meter?: DeltaMeter | null
  readonly controlNets?: readonly PreparedControlNet[]
  /** Tiles, whose adapters and ControlNets replace those above. Null: the whole at once. Default: null. */
  readonly tiles?: PreparedTiles | null
  /** Awaited after every tile of a pass but the last. */
  readonly onTile?: (done: TileReport) => Promise<void>
  /** The deep features of each prompt's network in each tile, those of the empty prompt last: [prompts][tiles]. Default: none are kept. */
  readonly features?: readonly (readonly FeatureCache[])[]
  /** The keys and values of each prompt's text, the first prompt's first and the empty one's last. Default: none are kept. */
  readonly textKeys?: readonly TextKeyCache[]
  /** The LoRAs of the run. Default: none. */
  readonly loras?: Tap
  /** When and where the parts of the prompts guide. Null: by their weights, everywhere. Default: null. */
  readonly parts?: GuidingParts | null
  /** The same for the negative prompts. Default: null, the first one guides everywhere. */
  readonly negativeParts?: GuidingParts | null
  /** Texts and LoRAs by regions, in place of `loras`. Null: they act everywhere. Default: null. */
  readonly regions?: PreparedRegions | null
}

/** The parts of prompts as a run guides by them. */
export interface GuidingParts {
  readonly uses: readonly PartUse[]
  readonly shares: PreparedParts
  /** What acts where a part sees a piece of the picture. Null: it sees the whole. */
  readonly views: readonly (PassPart | null)[]
}

const KINDS: OptionKinds<LatentDenoiserOptions> = {
  guidanceScale: "a finite number",
  guidanceRescale: "a finite number",
  guidanceWindow: "an object",
  negativeScale: "a number or null",
  combine: "text",
  deepShrink: "an object or null",
  prompts: "an object",
  channels: "a tensor or null",
  adapters: "a list",
  meter: "an object or null",
  controlNets: "a list",
  tiles: "an object or null",
  onTile: "a function",
  features: "a list",
  textKeys: "a list",
  loras: "an object",
  parts: "an object or null",
  negativeParts: "an object or null",
  regions: "an object or null",
  signal: "an AbortSignal",
  pause: "a function",
}

function checkConditions(conditions: Conditions): void {
  checkGiven("denoiser: the conditions", conditions, "context", "encodeConditions")
  const { pictures, guided, context, vector, further, furtherNegatives, empty, weights } = conditions
  checkArgument("denoiser: the number of pictures", pictures, "a finite number")
  checkArgument("denoiser: whether it is guided", guided, "true or false")
  checkArguments("denoiser", "a tensor", { context, vector })
  checkArguments("denoiser", "a list", { further, furtherNegatives, weights })
  checkArgument("denoiser: the empty prompt", empty, "an object or null")
}

/**
 * A function that estimates latents without noise by an SDXL, with conditions and adapters. Both have to live as long
 * as the function is used. Each evaluation throws the signal's reason when aborted.
 */
export function createLatentDenoiser(
  sdxl: Sdxl,
  conditions: Conditions,
  plan: SamplingPlan,
  options: LatentDenoiserOptions,
): Denoise {
  checkSdxl("denoiser", sdxl, "unet")
  checkConditions(conditions)
  checkPlan("denoiser", plan)
  // The options may hold others, of the same picture.
  checkKinds<LatentDenoiserOptions>("denoiser", options, KINDS, ["guidanceScale"])
  const { ops, unet: params, prediction, blocks } = sdxl
  const { pictures, guided, further, furtherNegatives, empty, weights, ...first } = conditions
  const { schedule, levels, sampler } = plan
  const {
    guidanceScale,
    guidanceRescale = GENERATE_DEFAULTS.guidanceRescale,
    guidanceWindow,
    negativeScale = null,
    adapters = [],
    controlNets = [],
    loras = NO_TAP,
    regions = null,
    parts = null,
    negativeParts = null,
    prompts = {},
    channels = null,
    deepShrink = null,
    features = [],
    textKeys = [],
    tiles = null,
    onTile,
    combine = GENERATE_DEFAULTS.combine,
    meter = null,
    signal,
    pause,
  } = options
  const windowsAt = createWindowReader(schedule, sampler.name)
  type Part = Pick<Conditions, "context" | "vector">
  const partNetwork =
    ({ context, vector }: Part, rows: readonly PassRow[], prompt: number, part: PassPart): Network =>
    async (input, position) => {
      await pause?.()
      signal?.throwIfAborted()
      const read = input as Tensor4D
      const latents = channels === null ? read : withChannels(read, channels, part)
      const window = windowsAt(position)
      const adapted = tapAt(ops, part.adapters, window, combine, meter)
      const lowRank = part.regions?.tap ?? loras
      const tap = lowRank === NO_TAP ? adapted : chainTaps([lowRank, adapted])
      const timesteps = Array.from({ length: latents.shape[0] }, () => position.timestep)
      const shrink = deepShrink === null ? null : shrinkAt(deepShrink, position.timestep)
      const all = { latents, timesteps, context, vector }
      const residuals = residualsAt(ops, part.controlNets, all, { window, rows, blocks })
      try {
        const predicted = unet(ops, params, all, {
          ...{
            tap,
            shrink,
            features: features[prompt]?.[part.index] ?? null,
            textKeys: keys(prompt, context),
            // The empty prompt has no parts.
            regions: prompt === 0 ? (part.regions?.texts ?? null) : null,
            pass: { position, rows },
          },
          ...(residuals === null ? {} : { residuals }),
          ...(blocks === undefined ? {} : { blocks }),
        })
        await meter?.endPass(position)
        return predicted
      } finally {
        if (latents !== read) latents.dispose()
        if (residuals !== null) tf.dispose([...residuals.skips, residuals.middle])
      }
    }
  const networks: readonly Part[] = [first, ...further, ...furtherNegatives, ...(empty === null ? [] : [empty])]
  /** A pass with some rows of the first prompt has no keys of its own. */
  const keys = (prompt: number, context: Part["context"]): TextKeyCache | null =>
    context === networks[prompt]?.context ? (textKeys[prompt] ?? null) : null
  const whole: PassPart = { index: 0, region: null, adapters, controlNets, regions }
  const networkOf = (conditions: Part, rows: readonly PassRow[], prompt = 0, view: PassPart | null = null): Network =>
    tiles === null
      ? partNetwork(conditions, rows, prompt, view ?? whole)
      : withTiles(tiles, (tile) => partNetwork(conditions, rows, prompt, tile), onTile)
  const network = networkOf(first, passRows(pictures, guided))
  const prompted = passRows(pictures, false)
  const negated = passRows(pictures, true).slice(0, pictures)
  /** The first prompts' rows of one side alone. */
  const half =
    (side: "uncond" | "cond", view: PassPart | null = null): Network =>
    async (input, position) => {
      const from = side === "cond" ? pictures : 0
      const part = tf.tidy(() => ({
        context: tf.slice(first.context, [from, 0, 0], [pictures, -1, -1]),
        vector: tf.slice(first.vector, [from, 0], [pictures, -1]),
      }))
      try {
        return await networkOf(part, side === "cond" ? prompted : negated, 0, view)(input, position)
      } finally {
        tf.dispose([part.context, part.vector])
      }
    }
  const unguided = half("cond")
  const guidance = { scale: guidanceScale, rescale: guidanceRescale }
  const fromEmpty =
    empty === null || negativeScale === null
      ? null
      : { network: networkOf(empty, negated, networks.length - 1), negativeScale }
  const isInParts = further.length > 0 || parts !== null
  const isComposed = isInParts || negativeParts !== null || fromEmpty !== null
  /** The network of a part, which may see a piece of the picture. */
  const seen = (own: GuidingParts | null, i: number, of: (view: PassPart | null) => Network): Network => {
    const [view, use] = [own?.views[i] ?? null, own?.uses[i]]
    return view === null || use === undefined || tiles !== null ? of(null) : withView(use, of(view))
  }
  const isTogether =
    tiles !== null || ((parts?.views[0] ?? null) === null && (negativeParts?.views[0] ?? null) === null)
  const composed: ComposedNetworks = {
    both: isTogether ? network : null,
    prompts: [
      seen(parts, 0, (view) => half("cond", view)),
      ...further.map((part, i) => seen(parts, i + 1, (view) => networkOf(part, prompted, i + 1, view))),
    ],
    negatives: [
      seen(negativeParts, 0, (view) => half("uncond", view)),
      ...furtherNegatives.map((part, i) =>
        seen(negativeParts, i + 1, (view) => networkOf(part, negated, 1 + further.length + i, view)),
      ),
    ],
  }
  const sharesOf = (own: GuidingParts | null): Required<ComposedGuidance>["sharesAt"] =>
    own === null ? null : (input, position) => own.shares.at(gridOf(input), windowsAt(position))
  const guidedNetwork = isComposed
    ? withComposedGuidance(composed, {
        ...{ ...guidance, weights, empty: fromEmpty, sharesAt: sharesOf(parts) },
        negativeSharesAt: sharesOf(negativeParts),
        nothing: isComfyUiSyntax(prompts.syntax ?? PROMPT_DEFAULTS.syntax) ? zeroEstimate(prediction) : null,
      })
    : withGuidance(network, guidanceScale, guidanceRescale)
  const windowed: Network =
    guidanceWindow === undefined || isInParts
      ? guidedNetwork
      : (input, position) =>
          windowsAt(position)(guidanceWindow) === 0 ? unguided(input, position) : guidedNetwork(input, position)
  return createDenoiser(guided ? windowed : network, {
    prediction,
    timestepOf: levels.timestepOf,
  })
}

/** Latents with further channels for every picture. Guidance has two rows for each. */
function withChannels(latents: Tensor4D, channels: Tensor4D, { region }: PassPart): Tensor4D {
  return tf.tidy(() => {
    const seen = region === null ? channels : cut(channels, region)
    return tf.concat([latents, tf.tile(seen, [latents.shape[0] / channels.shape[0], 1, 1, 1])], 3)
  })
}
