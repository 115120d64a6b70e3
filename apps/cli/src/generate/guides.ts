import type { Preprocessing } from "@lllite/core/image"
import { parsePreprocessing } from "@lllite/core/image"
import { DEFAULT_FIT, FITS, GENERATE_RANGES } from "@lllite/core/names"
import type { AdapterInput, ControlReference } from "@lllite/core/recipe"
import type { OptionReader, Settings, TakenOption } from "@lllite/runtime-node/options"
import { choice, numbers, texts } from "@lllite/runtime-node/options"
import { describeInput } from "../terminal/errors.ts"

/** LLLites' control pictures, and the settings that sd-scripts has for each. */
export const GUIDE_OPTIONS = {
  guide_image_path: texts({
    help: "Control pictures, folders of them, or patterns. Each picture takes the next one for every LLLite, and begins again after the last.",
  }),
  guide_fit: choice(FITS, {
    default: DEFAULT_FIT,
    help: "How a control picture of another size is fitted: stretched, cropped or padded.",
  }),
  control_net_preps: texts({
    valueName: "name",
    help: "Preprocessor of each LLLite's control pictures: none, canny_63_191, or a kind of lllite preprocess with its values, such as blur_gaussian_9 or canny:low=60,high=120. Default: none.",
  }),
  control_net_multipliers: numbers({
    ...GENERATE_RANGES.strength,
    aliases: ["control_net_weights"],
    help: "Strength of each LLLite or ControlNet. Default: 1.",
  }),
  control_net_ratios: numbers({
    ...GENERATE_RANGES.window,
    help: "Part of the noise schedule where each LLLite or ControlNet ends. Default: 1, which is the end of the schedule.",
  }),
} as const

type GuideTable = typeof GUIDE_OPTIONS & { readonly control_net_lllite_models: TakenOption<readonly string[]> }

/** Lists with at most one entry for each LLLite. What they lack has its default, as in sd-scripts. */
const LISTS = ["controlNetPreps", "controlNetMultipliers", "controlNetRatios"] as const

/** The options of guides that a plan reads. */
export const GUIDE_SETTINGS = ["guideImagePath", "guideFit", ...LISTS] as const

/** Checks options about guides. The reader keeps the problems. */
export function checkGuides({ settings, check, nameOf }: OptionReader<GuideTable>): void {
  const { controlNetLlliteModels: models, guideImagePath: guides } = settings
  check(["guideImagePath", "controlNetLlliteModels"], () => {
    if (models.length > 0 && guides.length === 0) {
      return `${nameOf("guideImagePath")} is missing, expected one control picture for each LLLite`
    }
    return models.length === 0 && guides.length > 0
      ? `${nameOf("guideImagePath")} has ${countOf(guides)} and ${nameOf("controlNetLlliteModels")} 0, expected LLLites that follow them`
      : null
  })
  for (const name of LISTS) {
    check([name, "controlNetLlliteModels"], () =>
      settings[name].length <= models.length
        ? null
        : `${nameOf(name)} has ${countOf(settings[name])} and ${nameOf("controlNetLlliteModels")} ${models.length}, expected at most one for each LLLite`,
    )
  }
  check(["controlNetPreps"], () => {
    for (const text of settings.controlNetPreps) {
      try {
        parsePreprocessing(text)
      } catch (error) {
        const problem = describeInput(error)
        if (problem === null) throw error
        return `${nameOf("controlNetPreps")}: ${problem.replace(/^preprocess: /, "")}`
      }
    }
    return null
  })
}

function countOf({ length }: readonly unknown[]): string {
  return `${length} ${length === 1 ? "entry" : "entries"}`
}

/**
 * What is said of lists that are shorter than that of the LLLites, and of control pictures that the run does not take.
 *
 * @param pictures number of pictures that the run draws. 0: not known yet
 */
export function guideNotices(
  settings: Settings<GuideTable>,
  guides: readonly string[],
  pictures: number,
): readonly string[] {
  const { length: count } = settings.controlNetLlliteModels
  const short = LISTS.flatMap((name) => {
    const { length } = settings[name]
    if (length === 0 || length >= count) return []
    const spelt = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const rest = name === "controlNetPreps" ? "are not preprocessed" : "have 1"
    return [`--${spelt} has ${countOf(settings[name])} for ${count} LLLites. The others ${rest}.`]
  })
  const rest = count === 0 ? 0 : guides.length % count
  const sets = count === 0 ? 0 : Math.floor(guides.length / count)
  const unused = pictures === 0 || pictures >= sets ? [] : [unusedNotice(pictures, sets)]
  if (guides.length <= count || rest === 0) return [...short, ...unused]
  return [
    ...short,
    ...unused,
    `${guides.length} control pictures are not a multiple of ${count} LLLites. The last ${rest === 1 ? "one is" : `${rest} are`} not used.`,
  ]
}

/** What is said of a run with fewer pictures than there are control pictures for. */
function unusedNotice(pictures: number, sets: number): string {
  const used = pictures === 1 ? "1 is used" : `${pictures} are used`
  return `The control pictures are for ${sets} pictures, of which ${used}. For all, use --images_per_prompt ${sets}.`
}

/** The preprocessor of the LLLite with this index, as its recipe has it. */
export function preprocessOf(
  { controlNetPreps }: Pick<Settings<GuideTable>, "controlNetPreps">,
  index: number,
): { readonly preprocess?: Preprocessing } {
  const preprocess = parsePreprocessing(controlNetPreps[index] ?? "none")
  return preprocess === null ? {} : { preprocess }
}

/**
 * The adapters of a picture with its guides: of N adapters, the picture with index `i` has the guides from `N i` on, and
 * begins again after the last.
 *
 * Source: sd-scripts gen_img.py.
 */
export function withGuides(
  adapters: readonly AdapterInput[],
  guides: readonly string[],
  picture: number,
): readonly AdapterInput[] {
  const count = adapters.length
  const sets = Math.floor(guides.length / Math.max(1, count))
  if (sets === 0) return adapters
  const first = (picture % sets) * count
  return adapters.map((adapter, i) => {
    const control: Omit<ControlReference, "file"> = adapter.control ?? { fit: DEFAULT_FIT }
    return { ...adapter, control: { ...control, file: { path: guides[first + i] as string } } }
  })
}
