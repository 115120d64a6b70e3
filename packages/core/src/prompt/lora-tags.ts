import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { LoraBlocks } from "../models/lora/block-weights.ts"
import { parseBlockWeights } from "../models/lora/block-weights.ts"

/** A LoRA that a prompt names, as `<lora:NAME:STRENGTH>`. */
export interface LoraTag {
  /** The name of a file, with or without folders and ending. Or its address, or its name on the Hub. */
  readonly name: string
  /** The factor on what it adds to the U-Net. */
  readonly strength: number
  /** The factor on what it adds to both text encoders. */
  readonly textStrength: number
  readonly blocks: LoraBlocks
}

/** A prompt without the LoRAs that it names, and these. */
export interface TaggedPrompt {
  readonly prompt: string
  readonly loras: readonly LoraTag[]
}

const TAG = /<(?:lora|lyco):([^<>]*)>/gi
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/

/**
 * The names that have a colon of their own: addresses, names on the Hub (`hf:owner/name`, `owner/name@revision:file.ext`)
 * and paths with a drive.
 */
const NAMES_WITH_COLON = [
  /^https?:\/\/(?:\[[\da-f:.]+\]|[^:/]*)(?::\d+(?=\/))?[^:]*/i,
  /^hf:[^:]*(?::[^:]+\.[a-z]\w*(?=\s*(?::|$)))?/i,
  /^[\w.-]+\/[\w.-]+(?:@[^:]+)?:[^:]+\.[a-z]\w*(?=\s*(?::|$))/i,
  /^[a-z]:[\\/][^:]*/i,
]

/**
 * Takes LoRAs out of a prompt, in A1111's syntax: `<lora:NAME>`, `<lora:NAME:BOTH>`, `<lora:NAME:TEXT:UNET>`, and the
 * named values `te=`, `unet=` and `lbw=` (block weights, see `parseBlockWeights`). A value that is not a number names
 * block weights, too. The strength is 1 where none is given. `<lyco:…>` means the same.
 *
 * Source: stable-diffusion-webui 1.10, `extra_networks_lora.py`, where the text encoders come first.
 *
 * @throws CoreError for a tag without a name, or with another value
 */
export function takeLoraTags(text: string): TaggedPrompt {
  checkArgument("prompt: the prompt", text, "text")
  const loras: LoraTag[] = []
  const prompt = text.replace(TAG, (tag, inner: string) => {
    loras.push(readTag(tag, inner))
    return ""
  })
  if (loras.length === 0) return { prompt: text, loras }
  // A tag leaves the spaces and commas around it.
  return {
    prompt: prompt
      .replace(/ {2,}/g, " ")
      .replace(/(,\s*)+,/g, ",")
      .trim(),
    loras,
  }
}

function readTag(tag: string, inner: string): LoraTag {
  const text = inner.trim()
  const whole = NAMES_WITH_COLON.flatMap((pattern) => pattern.exec(text)?.[0] ?? [])[0] ?? text.split(":", 1)[0] ?? ""
  const name = whole.trim()
  const values = text
    .slice(whole.length)
    .split(":")
    .slice(1)
    .map((part) => part.trim())
  const refuse = (problem: string): CoreError =>
    new CoreError("option-range", `${tag} ${problem}, expected <lora:NAME:STRENGTH>, <lora:NAME:TEXT:UNET> or lbw=…`)
  if (name === "") throw refuse("names no file")
  const numbers: number[] = []
  const named = new Map<string, number>()
  let blocks: LoraBlocks = {}
  for (const value of values) {
    const [, key = "", given = value] = /^([a-z]+)=(.*)$/is.exec(value) ?? []
    if (key === "te" || key === "unet") {
      if (!NUMBER.test(given)) throw refuse(`has "${value}"`)
      named.set(key, Number(given))
    } else if (key !== "" && key !== "lbw") throw refuse(`has "${value}"`)
    else if (key === "" && NUMBER.test(value)) numbers.push(Number(value))
    else blocks = parseBlockWeights(given)
  }
  if (numbers.length > 2) throw refuse(`has ${numbers.length} strengths`)
  const textStrength = named.get("te") ?? numbers[0] ?? 1
  return { name, textStrength, strength: named.get("unet") ?? numbers[1] ?? textStrength, blocks }
}
