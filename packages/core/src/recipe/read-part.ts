import { GENERATE_RANGES } from "../generation/defaults.ts"
import { PART_RANGES, type PictureArea } from "../generation/prompt-parts.ts"
import type { Field } from "./fields.ts"
import { given, readChoice, readNumber, readObject, readOr, refuse } from "./fields.ts"
import { readFile } from "./read-file.ts"
import type { PartRecipe } from "./recipe.ts"
import { MASK_CHANNELS } from "./start-recipe.ts"

/** Reads a part of a recipe's prompt. @throws CoreError that names the path of the wrong field */
export function readPart(at: Field): PartRecipe {
  const field = readObject(at, ["strength", "start", "end", "area", "mask"])
  const start = readOr(field("start"), 0, (entry) => readNumber(entry, GENERATE_RANGES.window))
  const end = readOr(field("end"), 1, (entry) => readNumber(entry, GENERATE_RANGES.window))
  if (start > end) throw refuse(at, "a start that is not after the end")
  return {
    strength: readOr(field("strength"), 1, (entry) => readNumber(entry, PART_RANGES.strength)),
    ...{ start, end },
    ...given("area", field("area"), readArea),
    ...given("mask", field("mask"), readMask),
  }
}

function readArea(at: Field): PictureArea {
  const field = readObject(at, ["left", "top", "width", "height"])
  const side = (name: keyof PictureArea): number => readNumber(field(name), PART_RANGES[name])
  return { left: side("left"), top: side("top"), width: side("width"), height: side("height") }
}

function readMask(at: Field): NonNullable<PartRecipe["mask"]> {
  const field = readObject(at, ["file", "channel"])
  return {
    file: readFile(field("file")),
    ...given("channel", field("channel"), (entry) => readChoice(entry, MASK_CHANNELS)),
  }
}
