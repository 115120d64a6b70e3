import { checkArgument, checkArguments, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { AdapterSettings } from "../generation/adapter-settings.ts"
import type { ControlNetSettings } from "../generation/control-nets.ts"
import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import type { Window } from "../generation/window.ts"
import type { LoraStrength } from "../models/lora/live-lora.ts"
import { readSeed, type Seed } from "../random/seed.ts"
import { createRecipe } from "./read-recipe.ts"
import type {
  AdapterInput,
  AdapterRecipe,
  LoraInput,
  LoraReference,
  PartInput,
  Recipe,
  RecipeInput,
  RegionsReference,
  TextualInversionReference,
} from "./recipe.ts"
import type { StartInput } from "./start-recipe.ts"

/**
 * Options of `generate` from a recipe. Adapters, LoRAs, regions, parts and the picture of a start are not among them, because they have
 * to be loaded first.
 */
export type RecipeOptions = Required<Omit<GenerateOptions, RunOnly | "vaeTiles">> & Pick<GenerateOptions, "vaeTiles">

/** Options of `generate` that are loaded first, or that do not change the picture. */
type RunOnly =
  | "adapters"
  | "controlNets"
  | "loras"
  | "textualInversions"
  | "start"
  | "regions"
  | "parts"
  | "negativeParts"
  | "firstStage"
  | "measureAdapters"
  | "strict"
  | "vaeSlices"
  | "signal"
  | "pause"

/** A request to a runtime. */
export interface RecipeRequest {
  readonly request: PictureRequest & Required<Pick<PictureRequest, "negativePrompt">>
  readonly options: RecipeOptions
}

/** The seed of a recipe. @throws CoreError when it is not one */
export function recipeSeed(recipe: Pick<Recipe, "seed">): Seed {
  checkArgument("recipe", recipe, "an object")
  const { seed } = recipe
  const read = readSeed(seed)
  if (read === null)
    throw new CoreError("seed", `recipe: seed is ${String(seed)}, expected a whole number from 0 to 2^64 - 1`)
  return read
}

/** A recipe as a request for one picture, without its adapters. `adapterOptions` gives the options of each adapter. */
export function requestOf(recipe: Recipe): RecipeRequest {
  checkArgument("recipe", recipe, "an object")
  const {
    prompt,
    negativePrompt,
    width,
    height,
    steps,
    guidanceScale,
    guidanceRescale,
    negativeScale,
    guidanceWindow,
    zeroTerminalSnr,
  } = recipe
  const { sampler, spacing, spacingOptions, samplerOptions, combine, size, noise, startNoise, prompts } = recipe
  const { negativeSize, hires, deepShrink, deepCache, gradualLatent, tiles, vaeTiles } = recipe
  const { firstPrompt, firstNegativePrompt, batch } = recipe
  return {
    request: {
      ...{ prompt, negativePrompt, seed: recipeSeed(recipe) },
      ...(batch === undefined ? {} : { batch }),
      ...(firstPrompt === undefined ? {} : { firstPrompt }),
      ...(firstNegativePrompt === undefined ? {} : { firstNegativePrompt }),
    },
    options: {
      ...{ width, height, steps, guidanceScale, guidanceRescale, negativeScale, guidanceWindow, zeroTerminalSnr },
      ...{ sampler, spacing, spacingOptions, samplerOptions, combine, size, noise, startNoise, prompts },
      ...{ negativeSize, hires, deepShrink, deepCache, gradualLatent, tiles },
      ...(vaeTiles === undefined ? {} : { vaeTiles }),
    },
  }
}

/** The settings of a recipe's adapter, for a runtime that has loaded it. Its control and mask are not among them. */
export function adapterOptions(adapter: Omit<AdapterRecipe, "kind" | "file" | "control">): AdapterSettings {
  checkGiven("recipe: the adapter", adapter, "window", "createRecipe")
  const { strength, blocks, guidance, mask } = adapter
  checkArgument("recipe: the strength", strength, "a finite number")
  return {
    ...{ strength, ...windowOf(adapter), ...guidance },
    ...(blocks === undefined ? {} : { blocks }),
    ...(mask === undefined ? {} : { maskFeather: mask.feather }),
  }
}

/** The settings of a recipe's ControlNet, for a runtime that has loaded it. Its control and mask are not among them. */
export function controlNetOptions(adapter: Omit<AdapterRecipe, "kind" | "file" | "control">): ControlNetSettings {
  checkGiven("recipe: the adapter", adapter, "window", "createRecipe")
  const { strength, guessMode, controlType, guidance, mask } = adapter
  checkArgument("recipe: the strength", strength, "a finite number")
  return {
    ...{ strength, ...windowOf(adapter), ...guidance },
    ...(mask === undefined ? {} : { maskFeather: mask.feather }),
    ...(guessMode === undefined ? {} : { guessMode }),
    ...(controlType === undefined ? {} : { controlType }),
  }
}

function windowOf({ window, curve }: Pick<AdapterRecipe, "window" | "curve">): Window {
  checkArgument("recipe: the window", window, "an object")
  const { start, end, ease, by } = window
  checkArguments("recipe: the window", "a finite number", { start, end })
  return {
    ...{ start, end },
    ...(ease === undefined ? {} : { ease }),
    ...(by === undefined ? {} : { windowBy: by }),
    ...(curve === undefined ? {} : { curve }),
  }
}

/** The strengths of a recipe's LoRA, for a runtime that has loaded it. */
export function loraOptions(lora: Omit<LoraReference, "file">): Required<LoraStrength> {
  checkArgument("recipe: the LoRA", lora, "an object")
  const { strength, textStrength, blocks } = lora
  checkArgument("recipe: the strength", strength, "a finite number")
  return { strength, textStrength, blocks }
}

/**
 * The recipe of a request for one picture, with its files.
 *
 * @throws CoreError that names the path of the wrong field
 */
export function recipeOf(
  request: PictureRequest,
  options: Omit<GenerateOptions, RunOnly>,
  files: {
    readonly model: RecipeInput["model"]
    readonly textualInversions?: readonly TextualInversionReference[]
    readonly loras?: readonly LoraInput[]
    readonly adapters?: readonly AdapterInput[]
    readonly regions?: RegionsReference
    readonly parts?: readonly PartInput[]
    readonly negativeParts?: readonly PartInput[]
    readonly start?: StartInput | null
  },
): Recipe {
  checkArgument("recipe: the request", request, "an object")
  checkArgument("recipe: the options", options, "an object")
  checkArgument("recipe: the files", files, "an object")
  return createRecipe({ ...request, ...options, ...files })
}
