import { GENERATE_DEFAULTS } from "../generation/defaults.ts"
import { LORA_BLOCKS, type LoraBlockName, type LoraBlocks } from "../models/lora/block-weights.ts"
import type { Field } from "./fields.ts"
import { readNumber, readObject, readOr, readText, refuse } from "./fields.ts"
import { readFile } from "./read-file.ts"
import type { LoraReference, TextualInversionReference } from "./recipe.ts"

/** Reads a LoRA of a recipe. @throws CoreError that names the path of the wrong field */
export function readLora(at: Field): LoraReference {
  const field = readObject(at, ["file", "strength", "textStrength", "blocks"])
  const strength = readOr(field("strength"), GENERATE_DEFAULTS.strength, (entry) => readNumber(entry))
  return {
    file: readFile(field("file")),
    strength,
    textStrength: readOr(field("textStrength"), strength, (entry) => readNumber(entry)),
    blocks: readOr(field("blocks"), {}, readBlocks),
  }
}

/** Reads a textual inversion of a recipe. @throws as `readLora` */
export function readInversion(at: Field): TextualInversionReference {
  const field = readObject(at, ["name", "file"])
  const name = readText(field("name"))
  if (name.trim() === "") throw refuse(field("name"), "a word")
  return { name, file: readFile(field("file")) }
}

function readBlocks(at: Field): LoraBlocks {
  const field = readObject(at, LORA_BLOCKS)
  const blocks: { [Name in LoraBlockName]?: number } = {}
  for (const name of LORA_BLOCKS) {
    const value = readOr(field(name), null, (entry) => readNumber(entry))
    if (value !== null) blocks[name] = value
  }
  return blocks
}
