import { DEEP_CACHE_DEPTH, DEEP_CACHE_RANGES } from "@lllite/core/names"
import type { RecipeInput } from "@lllite/core/recipe"
import type { OptionReader, OptionTable, Settings, TakenOption } from "@lllite/runtime-node/options"
import { flag, integer } from "@lllite/runtime-node/options"

/** Less work for a picture with the same weights. */
export const SPEED_OPTIONS = {
  deep_cache_interval: integer({
    ...DEEP_CACHE_RANGES.interval,
    otherwise: "1, every pass is full",
    help: "One of this many passes of the U-Net is full. The others keep its deep features (DeepCache). This is faster, and changes the picture.",
  }),
  deep_cache_depth: integer({
    ...DEEP_CACHE_RANGES.depth,
    default: DEEP_CACHE_DEPTH,
    help: "Input blocks of the U-Net that run in every pass. Less is faster.",
  }),
  fast: flag({
    help: "Picks guidance_end and deep_cache_interval so that the picture changes little. A note says what it picked. Options that are given win.",
  }),
} satisfies OptionTable

/**
 * What `fast` picks, from measurements on the tiny model. The blocks below depth 6 hold 60 of the 70 transformer blocks
 * of SDXL.
 */
const FAST = { guidanceEnd: 0.8, deepCache: { interval: 2, depth: 6 } } as const

/** DeepCache needs steps that are close to each other. With fewer steps, `fast` leaves it out. */
const FAST_STEPS = 16

type SpeedReader = OptionReader<
  typeof SPEED_OPTIONS & {
    readonly guidance_start: TakenOption<number>
    readonly guidance_end: TakenOption<number>
    readonly scale: TakenOption<number>
    readonly steps: TakenOption<number>
  }
>
type SpeedSettings = Settings<typeof SPEED_OPTIONS> & {
  readonly guidanceStart: number
  readonly guidanceEnd: number
  readonly steps: number
  readonly scale: number
}

/** Checks options of speed that depend on others. The reader keeps the problems. */
export function checkSpeed({ settings, check, nameOf, isGiven }: SpeedReader): void {
  check(["deepCacheDepth", "deepCacheInterval"], () =>
    isGiven("deepCacheDepth") && settings.deepCacheInterval === undefined && !settings.fast
      ? `${nameOf("deepCacheDepth")} has no effect without ${nameOf("deepCacheInterval")}, expected the interval of full passes`
      : null,
  )
}

/** The fields of a recipe that the options decide. Options that are given win over `fast`. */
export function speedOf(
  settings: SpeedSettings,
  isGiven: SpeedReader["isGiven"],
): Required<Pick<RecipeInput, "guidanceWindow" | "deepCache">> {
  const { guidanceStart: start, fast, deepCacheInterval, deepCacheDepth, steps } = settings
  const end = fast && isGuided(settings) && !hasWindow(isGiven) ? FAST.guidanceEnd : settings.guidanceEnd
  const picked = fast && steps >= FAST_STEPS ? FAST.deepCache.interval : undefined
  const interval = deepCacheInterval ?? picked
  const depth = deepCacheInterval === undefined && !isGiven("deepCacheDepth") ? FAST.deepCache.depth : deepCacheDepth
  return {
    guidanceWindow: { start, end },
    deepCache: interval === undefined ? null : { interval, depth },
  }
}

/** Whether there is guidance, whose window matters. */
function isGuided({ scale }: SpeedSettings): boolean {
  return scale !== 1
}

/** Whether a window of guidance is given. Its start alone counts, too: with another end it could be empty. */
function hasWindow(isGiven: SpeedReader["isGiven"]): boolean {
  return isGiven("guidanceStart") || isGiven("guidanceEnd")
}

/** What `fast` picked, one sentence. */
export function speedNotices({ settings, isGiven }: SpeedReader): readonly string[] {
  if (!settings.fast) return []
  const { guidanceWindow, deepCache } = speedOf(settings, isGiven)
  const guidance = hasWindow(isGiven) || !isGuided(settings) ? [] : [`--guidance_end ${guidanceWindow.end}`]
  const cache =
    deepCache === null
      ? [`no DeepCache, because ${settings.steps} steps are fewer than ${FAST_STEPS}`]
      : [`--deep_cache_interval ${deepCache.interval} --deep_cache_depth ${deepCache.depth}`]
  const picked = [...guidance, ...(isGiven("deepCacheInterval") ? [] : cache)]
  const none = isGuided(settings)
    ? "nothing, because all of its options are given"
    : "nothing, because there is no guidance, and the interval of DeepCache is given"
  const what = picked.length === 0 ? none : picked.join(", and ")
  return [`--fast picked ${what}.`]
}
