import { checkArgument, checkGiven } from "../argument.ts"
import type { FileReference } from "./file-reference.ts"
import type { PartInput, Recipe, RecipeInput } from "./recipe.ts"

/** What a file of a recipe is. ComfyUI keeps each kind in a folder of its own. */
export type RecipeFileKind =
  | "checkpoint"
  | "unet"
  | "vae"
  | "lora"
  | "textual-inversion"
  | "adapter"
  | "picture"
  | "start"
  | "mask"

/** What each kind of file is called in messages. */
export const RECIPE_FILE_NAMES: Readonly<Record<RecipeFileKind, string>> = {
  checkpoint: "checkpoint",
  unet: "U-Net",
  vae: "VAE",
  lora: "LoRA",
  "textual-inversion": "textual inversion",
  adapter: "LLLite or ControlNet",
  picture: "control picture",
  start: "picture to start from",
  mask: "mask",
}

/** The recipe with every file as `change` gives it. */
export function withFiles<T extends RecipeInput>(
  recipe: T,
  change: (file: FileReference, kind: RecipeFileKind) => FileReference,
): T {
  checkGiven("recipe", recipe, "model", "createRecipe")
  checkArgument("recipe: the change", change, "a function")
  const { model, textualInversions, loras, regions, parts, negativeParts, adapters, start } = recipe
  const { checkpoint, unet, vae, loras: merged } = model
  const changed = <U extends { readonly file: FileReference }>(use: U, kind: RecipeFileKind): U => ({
    ...use,
    file: change(use.file, kind),
  })
  const changedPart = ({ mask, ...part }: PartInput): PartInput => ({
    ...part,
    ...(mask === undefined ? {} : { mask: changed(mask, "picture") }),
  })
  return {
    ...recipe,
    model: {
      ...model,
      checkpoint: change(checkpoint, "checkpoint"),
      ...(unet === undefined ? {} : { unet: change(unet, "unet") }),
      ...(vae === undefined ? {} : { vae: change(vae, "vae") }),
      ...(merged === undefined ? {} : { loras: merged.map((lora) => changed(lora, "lora")) }),
    },
    ...(textualInversions === undefined
      ? {}
      : { textualInversions: textualInversions.map((one) => changed(one, "textual-inversion")) }),
    ...(loras === undefined ? {} : { loras: loras.map((lora) => changed(lora, "lora")) }),
    ...(regions === undefined ? {} : { regions: changed(regions, "mask") }),
    ...(parts === undefined ? {} : { parts: parts.map(changedPart) }),
    ...(negativeParts === undefined ? {} : { negativeParts: negativeParts.map(changedPart) }),
    ...(start == null
      ? {}
      : {
          start: {
            ...start,
            image: change(start.image, "start"),
            ...(start.mask == null ? {} : { mask: change(start.mask, "mask") }),
          },
        }),
    ...(adapters === undefined
      ? {}
      : {
          adapters: adapters.map((adapter) => {
            const { control, mask, hole } = adapter
            return {
              ...changed(adapter, "adapter"),
              ...(control === undefined ? {} : { control: control === null ? null : changed(control, "picture") }),
              ...(mask === undefined ? {} : { mask: changed(mask, "picture") }),
              ...(hole === undefined ? {} : { hole: changed(hole, "picture") }),
            }
          }),
        }),
  }
}

/**
 * The recipe with file names instead of paths, for sharing.
 */
export function shareableRecipe(recipe: Recipe): Recipe {
  return withFiles(recipe, nameOnly)
}

/** A file without its folders. */
export function nameOnly(file: FileReference): FileReference {
  checkArgument("recipe: the file", file, "an object")
  checkArgument("recipe: the path", file.path, "text")
  const { path, ...rest } = file
  // The path of a diffusers folder may end in a separator.
  return { path: path.replace(/[\\/]+$/, "").replace(/^.*[\\/]/, "") || path, ...rest }
}
