import type { AdapterInput } from "../recipe/recipe.ts"
import type { ControlSchedule, LatentKeyframe, TimestepKeyframe } from "./values.ts"

/** A picture of a batch. */
export interface BatchPlace {
  readonly index: number
  readonly count: number
}

/** How much a control acts on one picture of a batch: a curve of steps, and a factor on the negative side. */
export interface ScheduledStrength extends Pick<AdapterInput, "curve"> {
  /** A factor on the strength. */
  readonly strength: number
  readonly uncond: number
}

/** What acts before the first keyframe. */
const BEFORE: TimestepKeyframe = {
  ...{ start: 0, strength: 1, weights: null, latents: null },
  ...{ otherStrength: 0, inherits: true },
}

/**
 * The strengths of keyframes for one picture. A keyframe acts from its start to the start of the next one. Of several
 * with one start, the last acts.
 *
 * Source: ComfyUI-Advanced-ControlNet `adv_control/utils.py`, `prepare_current_timestep`, `calc_latent_keyframe_mults`.
 *
 * @param problem is told what cannot be followed, as a clause about the run
 */
export function scheduledStrength(
  { keyframes, latents: allLatents, weights: allWeights }: ControlSchedule,
  place: BatchPlace,
  problem: (text: string) => void,
): ScheduledStrength {
  const timeline: { readonly start: number; readonly strength: number; readonly uncond: number }[] = []
  let [weights, latents] = [BEFORE.weights, BEFORE.latents]
  for (const keyframe of [BEFORE, ...keyframes]) {
    weights = keyframe.weights ?? (keyframe.inherits ? weights : null)
    latents = keyframe.latents ?? (keyframe.inherits ? latents : null)
    const share = shareOf(allLatents ?? latents, keyframe.otherStrength, place)
    const now = {
      ...{ start: keyframe.start, strength: keyframe.strength * share },
      uncond: (allWeights ?? weights)?.uncond ?? 1,
    }
    if (timeline.at(-1)?.start === now.start) timeline.pop()
    timeline.push(now)
  }
  const [first = { start: 0, strength: 1, uncond: 1 }] = timeline
  const acting = timeline.filter(({ strength }) => strength !== 0)
  const uncond = acting[0]?.uncond ?? 1
  if (acting.some((each) => each.uncond !== uncond)) {
    problem("has keyframes whose weights have other uncond_multipliers, which cannot be followed")
  }
  if (timeline.every(({ strength }) => strength === first.strength)) return { strength: first.strength, uncond }
  const curve = timeline.flatMap(({ start: at, strength }, i) => {
    const before = timeline[i - 1]?.strength
    // Two points at one place are a jump.
    return [...(before === undefined ? [] : [{ at, strength: before }]), { at, strength }]
  })
  return { strength: 1, uncond, curve }
}

/** The strength of one picture. The last keyframe with its index has it. */
function shareOf(latents: readonly LatentKeyframe[] | null, other: number, { index, count }: BatchPlace): number {
  if (latents === null || latents.length === 0) return 1
  const own = latents.findLast((each) => (each.index < 0 ? each.index + count : each.index) === index)
  return own?.strength ?? other
}
