import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { unknownName } from "../../nearest.ts"
import type { Preprocessing } from "./preprocess.ts"
import { checkPreprocessing, preprocessorName, preprocessorOf, readPreprocessorValues } from "./preprocess.ts"
import type { PreprocessorName } from "./table.ts"
import { PREPROCESSOR_NAMES } from "./table.ts"

/** What sd-scripts means by `canny`: edges of the luma, with these thresholds. */
const SD_SCRIPTS_CANNY = { low: 63, high: 191, grey: true } as const

/**
 * Preprocessors of other programs that are trained networks.
 *
 * Source: controlnet_aux's and sd-webui-controlnet's names.
 */
const OF_NETWORKS =
  /^(depth|zoe|leres|midas|marigold|(dw_?)?(open)?pose|densepose|mediapipe|hed|pidi|soft_?edge|scribble_(hed|pidi)|mlsd|normal|bae|seg|oneformer|lineart|teed|anyline)/i

/**
 * Reads a preprocessor as a text:
 *
 * - `none`: no preprocessor
 * - `canny`, `canny_63_191`: sd-scripts' edges, of the luma
 * - a name, `scribble_xdog`, with values in the order of its options: `scribble_xdog_20`
 * - a name with options: `canny:low=63,high=191` or `shuffle:seed=3`. Then `canny` has the defaults of its table.
 *
 * @returns null for `none`
 * @throws CoreError for an unknown name or option, or for a value that cannot be
 */
export function parsePreprocessing(text: string): Preprocessing | null {
  checkArgument("preprocess: the preprocessor", text, "text")
  if (text.trim().toLowerCase() === "none") return null
  const [, head = "", named] = /^([^:]*)(?::(.*))?$/s.exec(text.trim()) ?? []
  const [, name = "", numbers = ""] = /^(.*?)((?:_[+-]?[\d.]+)*)$/s.exec(head) ?? []
  const kind = preprocessorName(name)
  if (kind === null) {
    if (OF_NETWORKS.test(head)) {
      throw new CoreError(
        "option-unknown",
        `preprocess: "${text}" needs a trained network, which is not run here. Make the control with another program, and give it without a preprocessor.`,
      )
    }
    throw unknownName("preprocess", "preprocessor", text, ["none", ...PREPROCESSOR_NAMES])
  }
  if (named !== undefined && numbers !== "") {
    throw new CoreError(
      "option-conflict",
      `preprocess: "${text}" has values with names and without. Write one kind: ${kind}_1_2 or ${kind}:name=value`,
    )
  }
  const base = kind === "canny" && named === undefined ? SD_SCRIPTS_CANNY : {}
  const values = named === undefined ? positional(kind, numbers.split("_").slice(1)) : byName(kind, named)
  const options = readPreprocessorValues(kind, { ...base, ...values })
  return Object.keys(options).length === 0 ? { kind } : { kind, options }
}

/** A preprocessor as `parsePreprocessing` reads it. */
export function preprocessingText(preprocessing: Preprocessing): string {
  checkPreprocessing(preprocessing)
  const { kind, options = {} } = preprocessing
  const entries = Object.entries(options)
  // Without a colon, canny is sd-scripts'.
  if (entries.length === 0 && kind !== "canny") return kind
  return `${kind}:${entries.map(([name, value]) => `${name}=${value}`).join(",")}`
}

type Values = Readonly<Record<string, number | boolean | null>>

function positional(kind: PreprocessorName, texts: readonly string[]): Values {
  const names = Object.keys(preprocessorOf(kind).options)
  if (texts.length > names.length) {
    const takes = names.length === 0 ? "none" : names.join(", ")
    throw new CoreError("option-unknown", `preprocess: ${kind} got ${texts.length} values, expected ${takes}`)
  }
  return Object.fromEntries(texts.map((text, i) => [names[i], readValue(kind, names[i] as string, text)]))
}

function byName(kind: PreprocessorName, text: string): Values {
  const entries = text === "" ? [] : text.split(",")
  return Object.fromEntries(
    entries.map((entry) => {
      const [, name = "", value = ""] = /^\s*([^=]*?)\s*=(.*)$/s.exec(entry) ?? []
      if (name === "") {
        throw new CoreError("option-unknown", `preprocess: "${entry}" of ${kind} is not an option, expected name=value`)
      }
      return [name, readValue(kind, name, value.trim())]
    }),
  )
}

/** A value by the kind of its option. What it cannot be is refused where values are checked. */
function readValue(kind: PreprocessorName, name: string, text: string): number | boolean | null {
  const { options } = preprocessorOf(kind)
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  if (typeof option?.default === "boolean") {
    if (/^(true|1|yes)$/i.test(text)) return true
    if (/^(false|0|no)$/i.test(text)) return false
    throw new CoreError("option-range", `preprocess: ${name} of ${kind} is "${text}", expected true or false`)
  }
  if (text.toLowerCase() === "null") return null
  if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return Number(text)
  if (option === undefined) return 0
  throw new CoreError("option-range", `preprocess: ${name} of ${kind} is "${text}", expected a number`)
}
