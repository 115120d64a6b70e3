import { checkArgument } from "../argument.ts"
import { readSeed, type Seed } from "../random/seed.ts"

/** The options of one line of a prompt file. Sizes are in pixels. */
export interface PromptLineOptions {
  /** `--n` */
  readonly negativePrompt?: string
  /** `--w` */
  readonly width?: number
  /** `--h` */
  readonly height?: number
  /** `--s`. 1 to 1000 */
  readonly steps?: number
  /** `--d`: a seed for each picture. The last one is for all further pictures. */
  readonly seeds?: readonly Seed[]
  /** `--l` */
  readonly guidanceScale?: number
  /** `--nl`: the scale of the negative prompt. `none` is plain guidance. */
  readonly negativeScale?: number | "none"
  /** `--ow`, `--oh`: SDXL's condition on the size before cropping */
  readonly originalWidth?: number
  readonly originalHeight?: number
  /** `--ct`, `--cl`: SDXL's condition on the crop */
  readonly cropTop?: number
  readonly cropLeft?: number
  /** `--am`: the strength of each LoRA. The last one is for all further LoRAs. */
  readonly loraStrengths?: readonly number[]
  /** `--nw`, `--nh`: the same as `--ow` and `--oh` for the negative prompt */
  readonly originalWidthNegative?: number
  readonly originalHeightNegative?: number
  /** `--t`: the strength of image to image, and of the second stage of hires fix */
  readonly strength?: number
  /** `--dsd1`, `--dst1`, `--dsd2`, `--dst2`, `--dsr`: Deep Shrink */
  readonly dsDepth1?: number
  readonly dsTimesteps1?: number
  readonly dsDepth2?: number
  readonly dsTimesteps2?: number
  readonly dsRatio?: number
  /** `--glt`, `--glr`, `--gls`, `--gle`, `--glsn`, `--glus`: gradual latent */
  readonly gradualLatentTimesteps?: number
  readonly gradualLatentRatio?: number
  readonly gradualLatentRatioStep?: number
  readonly gradualLatentEveryNSteps?: number
  readonly gradualLatentSNoise?: number
  readonly gradualLatentUnsharpParams?: string
  /** `--f`: the name of the picture's file */
  readonly fileName?: string
  /** `--c`: a prompt of CLIP guidance. It acts on no SDXL, and is kept in the text of the picture as in sd-scripts. */
  readonly clipPrompt?: string
}

/** A line of a prompt file. */
export interface PromptLine {
  readonly prompt: string
  readonly options: PromptLineOptions
  /** Parts that are not options or have no such value, one sentence each. */
  readonly problems: readonly string[]
}

type LineValue = string | number | readonly Seed[] | readonly number[]

interface LineOption {
  readonly field: keyof PromptLineOptions
  readonly expected: string
  /** Null: the text is not such a value. */
  read(text: string): LineValue | null
}

const whole = (field: keyof PromptLineOptions): LineOption => ({
  field,
  expected: "a whole number",
  read: (text) => (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : null),
})

const decimal = (field: keyof PromptLineOptions): LineOption => ({
  field,
  expected: "a number",
  read: (text) => (/^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : null),
})

const words = (field: keyof PromptLineOptions): LineOption => ({
  field,
  expected: "text",
  read: (text) => text,
})

/** The options of a line, by their names without dashes. */
const LINE_OPTIONS: ReadonlyMap<string, LineOption> = new Map([
  ["n", words("negativePrompt")],
  ["w", whole("width")],
  ["h", whole("height")],
  ["s", { ...whole("steps"), read: (text) => (/^\d+$/.test(text) ? Math.min(Math.max(Number(text), 1), 1000) : null) }],
  [
    "d",
    {
      field: "seeds",
      expected: "seeds with commas between",
      read: (text) => {
        const seeds = text.split(",").map((part) => part.trim())
        const read = seeds.flatMap((seed) => (/^\d+$/.test(seed) ? (readSeed(seed) ?? []) : []))
        return read.length === seeds.length ? read : null
      },
    },
  ],
  ["l", decimal("guidanceScale")],
  [
    "nl",
    {
      ...decimal("negativeScale"),
      expected: "a number or none",
      read: (text) => (text.toLowerCase() === "none" ? "none" : decimal("negativeScale").read(text)),
    },
  ],
  ["ow", whole("originalWidth")],
  ["oh", whole("originalHeight")],
  ["ct", whole("cropTop")],
  ["cl", whole("cropLeft")],
  [
    "am",
    {
      field: "loraStrengths",
      expected: "numbers with commas between",
      read: (text) => {
        const parts = text.split(",").map((part) => part.trim())
        return parts.every((part) => /^[+-]?(\d+\.?\d*|\.\d+)$/.test(part)) ? parts.map(Number) : null
      },
    },
  ],
  ["nw", whole("originalWidthNegative")],
  ["nh", whole("originalHeightNegative")],
  ["t", decimal("strength")],
  ["dsd1", whole("dsDepth1")],
  ["dst1", whole("dsTimesteps1")],
  ["dsd2", whole("dsDepth2")],
  ["dst2", whole("dsTimesteps2")],
  ["dsr", decimal("dsRatio")],
  ["glt", whole("gradualLatentTimesteps")],
  ["glr", decimal("gradualLatentRatio")],
  ["gls", decimal("gradualLatentRatioStep")],
  ["gle", whole("gradualLatentEveryNSteps")],
  ["glsn", decimal("gradualLatentSNoise")],
  ["glus", words("gradualLatentUnsharpParams")],
  ["f", words("fileName")],
  ["c", words("clipPrompt")],
])

/**
 * Reads a line of a prompt file: `PROMPT --n NEGATIVE --w 1024 --h 768 --d 1,2`. Names ignore case. A part that is not
 * an option is a problem, because it would otherwise be lost. Two dashes without a space before them are text.
 *
 * Source: sd-scripts `gen_img.py`, which drops such parts without a word.
 */
export function parsePromptLine(line: string): PromptLine {
  checkArgument("prompt: the line", line, "text")
  const [prompt = "", ...parts] = ` ${line.trim()}`.split(" --")
  const values = new Map<keyof PromptLineOptions, LineValue>()
  const problems: string[] = []
  for (const part of parts) {
    const [, name = "", text = ""] = /^(\S*)\s*([\s\S]*)$/.exec(part.trim()) ?? []
    const option = LINE_OPTIONS.get(name.toLowerCase())
    if (option === undefined) problems.push(unknownPart(part))
    else {
      const value = option.read(text)
      if (value === null) problems.push(`--${name} is "${text}", expected ${option.expected}.`)
      else if (values.has(option.field)) problems.push(`--${name} appears twice. Keep one.`)
      else values.set(option.field, value)
    }
  }
  return { prompt: prompt.trim(), options: Object.fromEntries(values), problems }
}

function unknownPart(part: string): string {
  const names = [...LINE_OPTIONS.keys()].map((each) => `--${each}`).join(", ")
  return `"--${part}" is not an option of a prompt, expected ${names}. For two dashes in the text, leave no space before them.`
}

/** Whether a line has prompt text or options: neither empty nor a comment. */
export function isPromptLine(line: string): boolean {
  checkArgument("prompt: the line", line, "text")
  return line.trim() !== "" && !line.trimStart().startsWith("#")
}
