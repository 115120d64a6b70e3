import type { AdapterInput } from "../recipe/recipe.ts"
import type { ControlSchedule, LatentKeyframe, MaskValue, TimestepKeyframe } from "./values.ts"

/** A picture of a batch. */
export interface BatchPlace {
  readonly index: number
  readonly count: number
}

/** How much a control acts on one picture of a batch: a curve of steps, a mask, and a factor on the negative side. */
export interface ScheduledStrength extends Pick<AdapterInput, "curve"> {
  /** A factor on the strength. */
  readonly strength: number
  readonly uncond: number
  /** Where it acts. Null: everywhere. */
  readonly mask: MaskValue | null
}

/** What acts before the first keyframe. */
const BEFORE: TimestepKeyframe = {
  ...{ start: 0, strength: 1, weights: null, latents: null, mask: null },
  ...{ otherStrength: 0, inherits: true },
}

/** A keyframe for one picture. */
interface Moment {
  readonly start: number
  readonly strength: number
  readonly uncond: number
  readonly mask: MaskValue | null
}

/**
 * The strengths of keyframes for one picture. A keyframe acts from its start to the start of the next one. Of several
 * with one start, the last acts. Keyframes with other masks or other factors on the negative side are other uses of the
 * control, of which one acts at a step.
 *
 * Source: ComfyUI-Advanced-ControlNet `adv_control/utils.py`, `prepare_current_timestep`, `calc_latent_keyframe_mults`.
 * It keeps the first mask for all later keyframes, which is a fault there.
 */
export function scheduledStrengths(
  { keyframes, latents: allLatents, weights: allWeights }: ControlSchedule,
  place: BatchPlace,
): readonly ScheduledStrength[] {
  const timeline: Moment[] = []
  let { weights, latents, mask } = BEFORE
  for (const keyframe of [BEFORE, ...keyframes]) {
    weights = keyframe.weights ?? (keyframe.inherits ? weights : null)
    latents = keyframe.latents ?? (keyframe.inherits ? latents : null)
    mask = keyframe.mask ?? (keyframe.inherits ? mask : null)
    const share = shareOf(allLatents ?? latents, keyframe.otherStrength, place)
    const now: Moment = {
      ...{ start: keyframe.start, strength: keyframe.strength * share, mask },
      uncond: (allWeights ?? weights)?.uncond ?? 1,
    }
    if (timeline.at(-1)?.start === now.start) timeline.pop()
    timeline.push(now)
  }
  const kindOf = ({ uncond, mask: own }: Moment): string => JSON.stringify([uncond, own])
  const acting = timeline.filter(({ strength }) => strength !== 0)
  const kinds = [...new Set((acting.length === 0 ? timeline.slice(0, 1) : acting).map(kindOf))]
  return kinds.map((kind) => {
    const own = timeline.map((each) => ({ ...each, strength: kindOf(each) === kind ? each.strength : 0 }))
    const { uncond, mask: where } = timeline.find((each) => kindOf(each) === kind) as Moment
    return { ...strengthOf(own), uncond, mask: where }
  })
}

/** One strength, or a curve. */
function strengthOf(timeline: readonly Moment[]): Pick<ScheduledStrength, "strength" | "curve"> {
  const first = timeline[0]?.strength ?? 1
  if (timeline.every(({ strength }) => strength === first)) return { strength: first }
  const curve = timeline.flatMap(({ start: at, strength }, i) => {
    const before = timeline[i - 1]?.strength
    // Two points at one place are a jump.
    return [...(before === undefined ? [] : [{ at, strength: before }]), { at, strength }]
  })
  return { strength: 1, curve }
}

/** The strength of one picture. The last keyframe with its index has it. */
function shareOf(latents: readonly LatentKeyframe[] | null, other: number, { index, count }: BatchPlace): number {
  if (latents === null || latents.length === 0) return 1
  const own = latents.findLast((each) => (each.index < 0 ? each.index + count : each.index) === index)
  return own?.strength ?? other
}
