import { randomInt } from "node:crypto"
import type { SamplerName } from "@lllite/core/diffusion"
import type { SdxlPaths } from "@lllite/runtime-node"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice, sdxlPaths, vaeSlices } from "../model/runtime-options.ts"
import { readValues } from "../options/options.ts"
import { UsageError } from "../terminal/errors.ts"
import { GENERATE_OPTIONS } from "./options.ts"

/** An LLLite and what it is given. */
export interface ControlUse {
  readonly lllite: string
  readonly guide: string
  readonly strength: number
  readonly end: number
}

/** All that `generate` does, checked. */
export interface GenerateSettings {
  readonly model: SdxlPaths
  /** Null where memory decides. */
  readonly vaeSlices: number | null
  readonly prediction: "epsilon" | "v"
  readonly prompt: string
  readonly negativePrompt: string
  readonly controls: readonly ControlUse[]
  readonly width: number
  readonly height: number
  readonly steps: number
  readonly guidanceScale: number
  readonly sampler: SamplerName
  readonly seeds: readonly number[]
  readonly outdir: string
  readonly runtime: RuntimeChoice
}

const LARGEST_SEED = 2 ** 32

/**
 * Checks what the command line asks for.
 *
 * @throws UsageError naming the option, what was expected and what came
 */
export function readGenerateSettings(commandLine: Readonly<Record<string, unknown>>): GenerateSettings {
  const values = readValues(GENERATE_OPTIONS, commandLine, "generate")
  const text = (name: string): string | undefined => values[name] as string | undefined
  const needed = (name: string, what: string): string => {
    const value = text(name)
    if (value === undefined) throw new UsageError(`generate: --${name} is missing, expected ${what}`)
    return value
  }
  const count = (name: string, fallback: number): number => {
    const value = (values[name] ?? fallback) as number
    if (value < 1) throw new UsageError(`generate: --${name} is ${value}, expected at least 1`)
    return value
  }
  const checkpoint = needed("ckpt", 'an SDXL checkpoint, or "tiny" for the embedded one')
  const prompt = needed("prompt", "what to draw")
  const outdir = needed("outdir", "a folder to write into")
  if (values.n !== undefined && values.negative_prompt !== undefined) {
    throw new UsageError("generate: --n and --negative_prompt mean the same. Give one of them.")
  }
  const width = count("W", checkpoint === "tiny" ? 128 : 1024)
  const height = count("H", width)
  for (const [name, side] of Object.entries({ W: width, H: height })) {
    if (side % 32 === 0) continue
    const near = Math.max(32, Math.round(side / 32) * 32)
    throw new UsageError(`generate: --${name} is ${side}, expected a multiple of 32. The nearest is ${near}.`)
  }
  const seed = (values.seed ?? randomInt(LARGEST_SEED)) as number
  const pictures = count("images_per_prompt", 1)
  if (seed < 0 || seed + pictures > LARGEST_SEED) {
    throw new UsageError(`generate: --seed is ${seed}, expected 0 to ${LARGEST_SEED - pictures}`)
  }
  return {
    model: sdxlPaths(checkpoint, values),
    vaeSlices: vaeSlices(values, "generate"),
    prediction: values.v_parameterization === true ? "v" : "epsilon",
    prompt,
    negativePrompt: text("negative_prompt") ?? text("n") ?? "",
    controls: readControls(values),
    width,
    height,
    steps: count("steps", 20),
    guidanceScale: (values.scale ?? 7.5) as number,
    sampler: (text("sampler") ?? "euler") as SamplerName,
    seeds: Array.from({ length: pictures }, (_, i) => seed + i),
    outdir,
    runtime: runtimeChoice(values),
  }
}

function readControls(values: Readonly<Record<string, unknown>>): readonly ControlUse[] {
  const models = (values.control_net_lllite_models ?? []) as readonly string[]
  const listOf = <T>(name: string): readonly T[] | undefined => {
    const list = values[name] as readonly T[] | undefined
    if (list === undefined || list.length === models.length) return list
    throw new UsageError(
      `generate: --${name} has ${list.length} entries and --control_net_lllite_models ${models.length}, expected one for each LLLite`,
    )
  }
  const guides = listOf<string>("guide_image_path")
  if (models.length > 0 && guides === undefined) {
    throw new UsageError("generate: --guide_image_path is missing, expected one control picture for each LLLite")
  }
  const strengths = listOf<number>("control_net_multipliers")
  const ends = listOf<number>("control_net_ratios")
  const odd = ends?.find((end) => end < 0 || end > 1)
  if (odd !== undefined) throw new UsageError(`generate: --control_net_ratios has ${odd}, expected 0 to 1`)
  return models.map((lllite, i) => ({
    lllite,
    guide: guides?.[i] ?? "",
    strength: strengths?.[i] ?? 1,
    end: ends?.[i] ?? 1,
  }))
}
