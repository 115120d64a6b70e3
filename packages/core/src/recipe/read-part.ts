import { GENERATE_RANGES } from "../generation/defaults.ts"
import { PART_RANGES, PART_VIEWS, type PictureArea } from "../generation/part-settings.ts"
import type { MixedText } from "../prompt/text-mix.ts"
import type { Field } from "./fields.ts"
import { given, readChoice, readList, readNumber, readObject, readOr, readText, refuse } from "./fields.ts"
import { readFile } from "./read-file.ts"
import type { PartRecipe } from "./recipe.ts"
import { MASK_CHANNELS } from "./start-recipe.ts"

/** Reads a part of a recipe's prompt. @throws CoreError that names the path of the wrong field */
export function readPart(at: Field): PartRecipe {
  const field = readObject(at, ["strength", "start", "end", "area", "mask", "sees", "textWeight", "mix"])
  const start = readOr(field("start"), 0, (entry) => readNumber(entry, GENERATE_RANGES.window))
  const end = readOr(field("end"), 1, (entry) => readNumber(entry, GENERATE_RANGES.window))
  if (start > end) throw refuse(at, "a start that is not after the end")
  return {
    strength: readOr(field("strength"), 1, (entry) => readNumber(entry, PART_RANGES.strength)),
    ...{ start, end },
    ...given("area", field("area"), readArea),
    ...given("mask", field("mask"), readMask),
    ...given("sees", field("sees"), (entry) => readChoice(entry, PART_VIEWS)),
    ...given("textWeight", field("textWeight"), (entry) => readNumber(entry, PART_RANGES.textWeight)),
    ...given("mix", field("mix"), (entry) => readList(entry, readMixed)),
  }
}

function readMixed(at: Field): MixedText {
  const field = readObject(at, ["text", "weight"])
  return { text: readText(field("text")), weight: readNumber(field("weight"), PART_RANGES.textWeight) }
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
