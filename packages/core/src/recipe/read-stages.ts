import type { LatentUnsharp } from "../diffusion/gradual-latent.ts"
import { GRADUAL_LATENT_DEFAULTS, GRADUAL_LATENT_RANGES, LATENT_UNSHARP_RANGES } from "../diffusion/gradual-latent.ts"
import { SHORTEST_SIDE } from "../generation/defaults.ts"
import { firstSides, HIRES_DEFAULTS, HIRES_RANGES, HIRES_UPSCALERS } from "../generation/hires-fix.ts"
import { START_NOISE_RANGES } from "../generation/start-noise.ts"
import { MASKED_CONTENTS, START_COMPATS, START_DEFAULTS, START_RANGES } from "../generation/start-picture.ts"
import { DEEP_CACHE_DEPTH, DEEP_CACHE_RANGES } from "../models/unet/deep-cache.ts"
import { DEEP_SHRINK_RANGES, DEEP_SHRINK_RATIO, DEEP_SHRINK_TIMESTEP } from "../models/unet/deep-shrink.ts"
import type { NumberRange } from "../number-range.ts"
import type { Tiling } from "../tiling.ts"
import { OVERLAP_MULTIPLE, overlapOf, TILE_MULTIPLE, TILING_RANGES } from "../tiling.ts"
import type { Field } from "./fields.ts"
import { given, readChoice, readFlag, readList, readNumber, readObject, readOr, refuse } from "./fields.ts"
import { readFile } from "./read-file.ts"
import { readJsonSeed, readSide } from "./read-numbers.ts"
import { readHiresSampling } from "./read-sampling.ts"
import type { Recipe } from "./recipe.ts"
import type { StagesRecipe, StartRecipe } from "./start-recipe.ts"
import { MASK_CHANNELS } from "./start-recipe.ts"

/* The parts of a recipe about what a picture starts from, and in which sizes it is made. Null is none. */

const orNull = <T>(at: Field, read: (at: Field) => T): T | null => (at.value == null ? null : read(at))

/** Reads the start. Its strength has a default. */
export function readStart(at: Field): StagesRecipe["start"] {
  return orNull(at, (entry) => {
    const field = readObject(entry, [
      "image",
      "mask",
      "maskChannel",
      "maskedContent",
      "strength",
      "compat",
      "stepsOffset",
    ])
    return {
      image: readFile(field("image")),
      mask: orNull(field("mask"), readFile),
      ...given("maskChannel", field("maskChannel"), (each) => readChoice(each, MASK_CHANNELS)),
      ...given("maskedContent", field("maskedContent"), (each) => readChoice(each, MASKED_CONTENTS)),
      strength: readOr(field("strength"), START_DEFAULTS.strength, (each) => readNumber(each, START_RANGES.strength)),
      ...readStartRule(field("compat"), field("stepsOffset")),
    }
  })
}

/** Reads how the loop of a stage begins. */
function readStartRule(at: Field, offset: Field): Pick<StartRecipe, "compat" | "stepsOffset"> {
  const compat = orNull(at, (each) => readChoice(each, START_COMPATS))
  const stepsOffset = readOr(offset, compat === null ? 0 : 1, (each) =>
    readNumber(each, { integer: true, min: 0, max: 1 }),
  )
  return { compat, stepsOffset: stepsOffset === 0 ? 0 : 1 }
}

/** Reads hires fix. Its scale is required. */
export function readHires(
  at: Field,
  sides: { readonly width: number; readonly height: number },
): StagesRecipe["hires"] {
  return orNull(at, (entry) => {
    const own = ["sides", "seedOffset", "sampling"] as const
    const common = ["scale", "steps", "strength", "upscaler", "control", "compat", "stepsOffset"] as const
    const field = readObject(entry, [...common, ...own])
    const scale = readNumber(field("scale"), HIRES_RANGES.scale)
    const first = orNull(field("sides"), readSides)
    const { width, height } = firstSides(sides, { scale, sides: first })
    if (Math.min(width, height) < SHORTEST_SIDE) {
      throw refuse(
        field(first === null ? "scale" : "sides"),
        `a scale with which ${sides.width}×${sides.height} px keeps sides of ${SHORTEST_SIDE} px`,
      )
    }
    return {
      scale,
      steps: readOr(field("steps"), HIRES_DEFAULTS.steps, (each) => readNumber(each, HIRES_RANGES.steps)),
      strength: readOr(field("strength"), HIRES_DEFAULTS.strength, (each) => readNumber(each, HIRES_RANGES.strength)),
      upscaler: readOr(field("upscaler"), HIRES_DEFAULTS.upscaler, (each) => readChoice(each, HIRES_UPSCALERS)),
      control: readOr<boolean>(field("control"), HIRES_DEFAULTS.control, readFlag),
      ...readStartRule(field("compat"), field("stepsOffset")),
      ...(first === null ? {} : { sides: first }),
      ...(field("seedOffset").value === undefined ? {} : { seedOffset: readJsonSeed(field("seedOffset")) }),
      ...(field("sampling").value === undefined ? {} : { sampling: readHiresSampling(field("sampling")) }),
    }
  })
}

function readSides(at: Field): { readonly width: number; readonly height: number } {
  const field = readObject(at, ["width", "height"])
  return { width: readSide(field("width")), height: readSide(field("height")) }
}

/** Reads Deep Shrink. Its depths are required. */
export function readDeepShrink(at: Field): StagesRecipe["deepShrink"] {
  return orNull(at, (entry) => {
    const field = readObject(entry, ["levels", "ratio"])
    const levels = readList(field("levels"), (each) => {
      const level = readObject(each, ["depth", "timestep"])
      return {
        depth: readNumber(level("depth"), DEEP_SHRINK_RANGES.depth),
        timestep: readOr(level("timestep"), DEEP_SHRINK_TIMESTEP, (number) =>
          readNumber(number, DEEP_SHRINK_RANGES.timestep),
        ),
      }
    })
    const [first, second] = levels
    if (first === undefined || levels.length > 2) throw refuse(field("levels"), "one level or two")
    if (second !== undefined && second.timestep >= first.timestep) {
      throw refuse(field("levels"), "timesteps that fall, because the second level would never act")
    }
    return {
      levels,
      ratio: readOr(field("ratio"), DEEP_SHRINK_RATIO, (each) => readNumber(each, DEEP_SHRINK_RANGES.ratio)),
    }
  })
}

/** Reads DeepCache. Its interval is required. */
export function readDeepCache(at: Field): StagesRecipe["deepCache"] {
  return orNull(at, (entry) => {
    const field = readObject(entry, ["interval", "depth"])
    return {
      interval: readNumber(field("interval"), DEEP_CACHE_RANGES.interval),
      depth: readOr<number>(field("depth"), DEEP_CACHE_DEPTH, (each) => readNumber(each, DEEP_CACHE_RANGES.depth)),
    }
  })
}

/** Reads what is added to the noise of the start. */
export function readStartNoise(at: Field): Recipe["startNoise"] {
  const pair = (entry: Field, range: NumberRange): readonly [number, number] => {
    const [first, second, ...more] = readList(entry, (each) => readNumber(each, range))
    if (first === undefined || second === undefined || more.length > 0) throw refuse(entry, "two numbers")
    return [first, second]
  }
  const { probability, discount, offset } = START_NOISE_RANGES
  return orNull(at, (entry) => {
    const field = readObject(entry, ["pyramid", "offset"])
    return {
      pyramid: orNull(field("pyramid"), (part) => {
        const own = readObject(part, ["probability", "discount"])
        return { probability: readNumber(own("probability"), probability), discount: pair(own("discount"), discount) }
      }),
      offset: orNull(field("offset"), (part) => {
        const own = readObject(part, ["probability", "range"])
        return { probability: readNumber(own("probability"), probability), range: pair(own("range"), offset) }
      }),
    }
  })
}

/** Reads tiles. Their size is required. */
export function readTiles(at: Field): StagesRecipe["tiles"] {
  return orNull(at, readTiling)
}

/** Reads tiles of the VAE. Null is the same as missing: the memory decides. */
export function readVaeTiles(at: Field): Pick<StagesRecipe, "vaeTiles"> {
  const tiling = orNull(at, readTiling)
  return tiling === null ? {} : { vaeTiles: tiling }
}

function readTiling(at: Field): Required<Tiling> {
  const field = readObject(at, ["size", "overlap"])
  const size = readNumber(field("size"), TILING_RANGES.size)
  if (size % TILE_MULTIPLE !== 0) throw refuse(field("size"), `a multiple of ${TILE_MULTIPLE}`)
  const overlap = readOr<number>(field("overlap"), overlapOf({ size }), (each) =>
    readNumber(each, TILING_RANGES.overlap),
  )
  if (overlap % OVERLAP_MULTIPLE !== 0 || 2 * overlap > size) {
    throw refuse(field("overlap"), `a multiple of ${OVERLAP_MULTIPLE}, and at most half of ${size}`)
  }
  return { size, overlap }
}

/** Reads gradual latent. Every field has a default. */
export function readGradualLatent(at: Field): StagesRecipe["gradualLatent"] {
  return orNull(at, (entry) => {
    const names = ["timestep", "ratio", "ratioStep", "everySteps", "sNoise"] as const
    const field = readObject(entry, [...names, "unsharp"])
    const number = (name: (typeof names)[number]): number =>
      readOr<number>(field(name), GRADUAL_LATENT_DEFAULTS[name], (each) =>
        readNumber(each, GRADUAL_LATENT_RANGES[name]),
      )
    return {
      timestep: number("timestep"),
      ratio: number("ratio"),
      ratioStep: number("ratioStep"),
      everySteps: number("everySteps"),
      sNoise: number("sNoise"),
      unsharp: orNull(field("unsharp"), readUnsharp),
    }
  })
}

function readUnsharp(at: Field): Required<LatentUnsharp> {
  const field = readObject(at, ["kernel", "sigma", "strength", "target"])
  const kernel = readNumber(field("kernel"), LATENT_UNSHARP_RANGES.kernel)
  if (kernel % 2 === 0) throw refuse(field("kernel"), "an odd number")
  return {
    kernel,
    sigma: readNumber(field("sigma"), LATENT_UNSHARP_RANGES.sigma),
    strength: readNumber(field("strength"), LATENT_UNSHARP_RANGES.strength),
    target: readOr(field("target"), "step", (each) => readChoice(each, ["step", "start"] as const)),
  }
}
