import type { BlockStrengths, CurvePoint } from "@lllite/core/names"
import { blocksOf, COMBINATIONS, clashOf, GENERATE_RANGES, isInRange, rangeText } from "@lllite/core/names"
import type { AdapterInput } from "@lllite/core/recipe"
import { CONTROL_TYPE_NAMES, type ControlType } from "@lllite/format/identify"
import type { OptionReader, Reading, Settings, TakenOption, WrongPart } from "@lllite/runtime-node/options"
import { choice, folder, numbers, taken, texts } from "@lllite/runtime-node/options"

/** Leaves an LLLite of a list without this setting. */
const NONE = "none"

const SEVERAL = `One for each LLLite, or one for all. "${NONE}" leaves one out.`

/** A list of settings, each read from a text. */
function settings<T>(
  valueName: string,
  help: string,
  read: (text: string) => Reading<T>,
): TakenOption<readonly (T | null)[]> {
  return taken<readonly (T | null)[]>(
    {
      arity: "many",
      valueName,
      empty: [],
      read(raw) {
        const values: (T | null)[] = []
        const wrong: WrongPart[] = []
        for (const text of Array.isArray(raw) ? (raw as readonly unknown[]) : [raw]) {
          if (text === NONE) {
            values.push(null)
            continue
          }
          const reading: Reading<T> = typeof text === "string" ? read(text) : { expected: "a text" }
          if ("expected" in reading) wrong.push({ part: text, expected: reading.expected })
          else values.push(reading.value)
        }
        const [first] = wrong
        return first === undefined ? { value: values } : { expected: first.expected, parts: wrong }
      },
    },
    { help: `${help} ${SEVERAL}`, default: [], nothing: [NONE] },
  )
}

/** Where LLLites act, and how much. */
export const STEERING_OPTIONS = {
  lllite_starts: numbers({
    ...GENERATE_RANGES.window,
    aliases: ["control_net_starts"],
    help: "Part of the noise schedule where each LLLite or ControlNet begins. Default: 0.",
  }),
  lllite_eases: numbers({
    ...GENERATE_RANGES.ease,
    help: "Part of the noise schedule over which each LLLite rises at its start and falls at its end. Default: 0.",
  }),
  lllite_curves: settings(
    "curve",
    "Strength over the noise schedule, as PLACE:STRENGTH,…: 0:1,50%:1,80%:0 or sigma10:0,sigma1:1.",
    readCurve,
  ),
  lllite_blocks: settings(
    "blocks",
    "Strength by block of the U-Net, as BLOCK=STRENGTH,…: input*=0.5,middle=1 or input4-5=0.",
    readBlocks,
  ),
  control_net_types: settings(
    "type",
    `What the control of each ControlNet Union is: ${CONTROL_TYPE_NAMES.join(", ")}.`,
    readControlType,
  ),
  lllite_cond: numbers({ ...GENERATE_RANGES.strength, help: "Factor on the pass with the prompt. Default: 1." }),
  lllite_uncond: numbers({
    ...GENERATE_RANGES.strength,
    help: "Factor on the pass with the negative prompt. Default: 1.",
  }),
  lllite_masks: texts({ help: `Picture that is white where an LLLite acts and black where it does not. ${SEVERAL}` }),
  lllite_mask_feathers: numbers({
    ...GENERATE_RANGES.feather,
    help: "Width of a mask's soft edge in pixels. Default: 0.",
  }),
  lllite_holes: texts({
    help: `Picture that is white where an LLLite for inpainting fills in. Its control is hidden there. ${SEVERAL}`,
    aliases: ["mask_image"],
  }),
  lllite_map: folder({
    help: "Folder for maps of where each LLLite acted, by block and step, as PNG and JSON for each picture.",
  }),
  lllite_combine: choice(COMBINATIONS, {
    otherwise: "chain, and chain-comfyui with --compat comfyui",
    help: "How several LLLites are combined: chain as in sd-scripts (the last one first), chain-comfyui (the first one first), or sum.",
  }),
} as const

type SteeringSettings = Settings<typeof STEERING_OPTIONS>

/** Options that have one value for each LLLite, or one for all. */
export const STEERING_LISTS = [
  ...(["llliteStarts", "llliteEases", "llliteCurves", "llliteBlocks", "llliteCond", "llliteUncond"] as const),
  ...(["llliteMasks", "llliteMaskFeathers", "llliteHoles", "controlNetTypes"] as const),
] satisfies readonly (keyof SteeringSettings)[]

/** Programs whose way can be followed. */
export const COMPATS = ["sd-scripts", "comfyui"] as const

type SteeringReader = OptionReader<
  typeof STEERING_OPTIONS & {
    readonly control_net_lllite_models: TakenOption<readonly string[]>
    readonly control_net_ratios: TakenOption<readonly number[]>
  }
>

/** Checks steering options that depend on others. The reader keeps the problems. */
export function checkSteering({ settings, check, nameOf }: SteeringReader): void {
  const { controlNetLlliteModels: models, controlNetRatios: ends, llliteStarts: starts } = settings
  for (const name of STEERING_LISTS) {
    check([name, "controlNetLlliteModels"], () => {
      const { length } = settings[name]
      if (length === 0 || (length === 1 && models.length > 0) || length === models.length) return null
      const entries = `${length} ${length === 1 ? "entry" : "entries"}`
      return `${nameOf(name)} has ${entries} and ${nameOf("controlNetLlliteModels")} ${models.length}, expected one for each LLLite, or one for all`
    })
  }
  check(["llliteStarts", "controlNetRatios"], () => {
    const wrong = models.findIndex((_, i) => (entryOf(starts, i) ?? 0) > (entryOf(ends, i) ?? 1))
    if (wrong < 0) return null
    return `${nameOf("llliteStarts")} is ${entryOf(starts, wrong)} and ${nameOf("controlNetRatios")} ${entryOf(ends, wrong) ?? 1}, expected a start that is not after the end`
  })
  check(["llliteMaskFeathers", "llliteMasks"], () =>
    settings.llliteMaskFeathers.length > 0 && settings.llliteMasks.length === 0
      ? `${nameOf("llliteMasks")} is missing, expected the mask whose edge becomes soft`
      : null,
  )
}

/** The settings of the LLLite with this index, as its recipe has them. Its ratio is the end of its window. */
export function steeringOf(
  settings: SteeringSettings & { readonly compat: (typeof COMPATS)[number] | undefined },
  index: number,
  end: number,
): Omit<AdapterInput, "file"> {
  const { compat } = settings
  const ease = entryOf(settings.llliteEases, index)
  const curve = entryOf(settings.llliteCurves, index) ?? null
  const blocks = entryOf(settings.llliteBlocks, index) ?? null
  const controlType = controlTypeAt(settings, index)
  const [cond, uncond] = [entryOf(settings.llliteCond, index), entryOf(settings.llliteUncond, index)]
  const mask = entryOf(settings.llliteMasks, index) ?? NONE
  const hole = entryOf(settings.llliteHoles, index) ?? NONE
  return {
    window: {
      ...{ start: entryOf(settings.llliteStarts, index) ?? 0, end },
      ...(ease === undefined || ease === 0 ? {} : { ease }),
      ...(compat === undefined ? {} : { by: compat }),
    },
    ...(curve === null ? {} : { curve }),
    ...(blocks === null ? {} : { blocks }),
    ...(controlType === undefined ? {} : { controlType }),
    ...(cond === undefined && uncond === undefined ? {} : { guidance: { cond: cond ?? 1, uncond: uncond ?? 1 } }),
    ...(mask === NONE
      ? {}
      : { mask: { file: { path: mask }, feather: entryOf(settings.llliteMaskFeathers, index) ?? 0 } }),
    ...(hole === NONE ? {} : { hole: { file: { path: hole } } }),
  }
}

/** The control type of the file with this index. */
export function controlTypeAt(
  { controlNetTypes }: Pick<SteeringSettings, "controlNetTypes">,
  index: number,
): ControlType | undefined {
  return entryOf(controlNetTypes, index) ?? undefined
}

function readControlType(text: string): Reading<ControlType> {
  const value = CONTROL_TYPE_NAMES.find((name) => name === text)
  return value === undefined ? { expected: `one of ${CONTROL_TYPE_NAMES.join(", ")}` } : { value }
}

/** The masks and holes that options name, without those that are left out. */
export function masksOf({
  llliteMasks,
  llliteHoles,
}: Pick<SteeringSettings, "llliteMasks" | "llliteHoles">): readonly string[] {
  return [...llliteMasks, ...llliteHoles].filter((path) => path !== NONE)
}

/** How several LLLites are combined. Undefined: the default. */
export function combinationOf(settings: {
  readonly llliteCombine: SteeringSettings["llliteCombine"]
  readonly compat: (typeof COMPATS)[number] | undefined
}): (typeof COMBINATIONS)[number] | undefined {
  return settings.llliteCombine ?? (settings.compat === "comfyui" ? "chain-comfyui" : undefined)
}

/** The value of a list with one for each LLLite, or one for all. */
function entryOf<T>(values: readonly T[], index: number): T | undefined {
  return values.length === 1 ? values[0] : values[index]
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

function readCurve(text: string): Reading<readonly CurvePoint[]> {
  const expected = "PLACE:STRENGTH,… with places such as 0.5, 50% or sigma3"
  const points: CurvePoint[] = []
  for (const entry of text.split(",")) {
    const [, sigma, place = "", percent, factor = ""] = /^ *(sigma *)?([^:%]*)(%?) *: *(.*?) *$/i.exec(entry) ?? []
    if (!NUMBER.test(place) || !NUMBER.test(factor) || (sigma !== undefined && percent !== "")) return { expected }
    const strength = Number(factor)
    if (!isInRange(strength, GENERATE_RANGES.strength)) {
      return { expected: `strengths: ${rangeText(GENERATE_RANGES.strength)}` }
    }
    if (sigma !== undefined) {
      if (!isInRange(Number(place), GENERATE_RANGES.sigma)) return { expected: "noise levels of at least 0" }
      points.push({ sigma: Number(place), strength })
      continue
    }
    const at = percent === "%" ? Number(place) / 100 : Number(place)
    if (!isInRange(at, GENERATE_RANGES.window)) return { expected: "places from 0 to 1, or from 0% to 100%" }
    points.push({ at, strength })
  }
  return { value: points }
}

function readBlocks(text: string): Reading<BlockStrengths> {
  const entries: [string, number][] = []
  for (const entry of text.split(",")) {
    const [, block = "", factor = ""] = /^([^=]*)=(.*)$/.exec(entry) ?? []
    if (!NUMBER.test(factor.trim())) return { expected: "BLOCK=STRENGTH,… such as input*=0.5,middle=1" }
    entries.push([
      block.trim().replace(/^(input|output)[ _]*/i, (way) => `${way.replace(/[ _]/g, "").toLowerCase()} `),
      Number(factor),
    ])
  }
  const names = entries.map(([name]) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) return { expected: `each block once, and "${twice}" is there twice` }
  if (names.some((name) => blocksOf(name) === null)) {
    return {
      expected: "blocks of the U-Net: middle, input0 to input8, output0 to output8, input4-5, input*, output* or *",
    }
  }
  const clash = clashOf(names)
  return clash === null ? { value: Object.fromEntries(entries) } : { expected: `one strength for block "${clash}"` }
}
