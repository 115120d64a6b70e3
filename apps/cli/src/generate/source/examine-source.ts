import { SIDE_MULTIPLE } from "@lllite/core/names"
import type { RecipeFileKind, RecipeInput } from "@lllite/core/recipe"
import { RECIPE_FILE_NAMES, withFiles } from "@lllite/core/recipe"
import { InputError } from "@lllite/runtime-node"
import type { OptionReader, Problem, SettingName } from "@lllite/runtime-node/options"
import { describeProblems } from "@lllite/runtime-node/options"
import type { LocalPaths } from "../../model/local-models.ts"
import type { GENERATE_OPTIONS } from "../options.ts"
import type { ModelFolders } from "./model-folders.ts"
import { openModelFolders } from "./model-folders.ts"
import type { RecipeSource } from "./read-source.ts"
import { readPictureFile, readWorkflowFile } from "./read-source.ts"

type GenerateTable = typeof GENERATE_OPTIONS
type GenerateReader = OptionReader<GenerateTable>

/** A recipe of a workflow or a picture, whose files are found. */
export interface SourceRecipe {
  readonly recipe: RecipeInput
  /** The beginning of the file's name. Null: none. */
  readonly prefix: string | null
  /** Whether groups such as {a|b} are drawn in its prompt, and whether <lora:NAME> names a LoRA in it. */
  readonly hasGroups: boolean
  readonly hasTags: boolean
  /** Folders in which the LoRAs of its prompt are found. */
  readonly loraFolders: readonly string[]
}

/** What --workflow or --from gives. */
export interface ExaminedSource {
  /** None if there is a problem. */
  readonly recipes: readonly SourceRecipe[]
  readonly notices: readonly string[]
}

/**
 * Reads the workflow or the picture that options name, and finds its files. The reader keeps the problems.
 *
 * @returns null without such an option
 */
export async function examineSource(
  reader: GenerateReader,
  toLocal: LocalPaths = async (text) => text,
): Promise<ExaminedSource | null> {
  const { settings, examine, check, nameOf } = reader
  const { workflow, from, modelsDir, extraModelPathsConfig: extraPaths } = settings
  check(["from", "workflow"], () =>
    workflow !== undefined && from !== undefined
      ? `${nameOf("workflow")} and ${nameOf("from")} are both given. Keep one of them`
      : null,
  )
  const path = workflow ?? from
  if (path === undefined) return null
  const option = workflow === undefined ? "from" : "workflow"
  const none = { recipes: [], notices: [] }
  const folders = await examine(["extraModelPathsConfig", "modelsDir"], () =>
    openModelFolders({ modelsDirs: modelsDir, extraPaths, source: path }),
  )
  if (folders === null) return none
  const readFile = option === "from" ? readPictureFile : readWorkflowFile
  const read = await examine([option], () => readFile(path, folders))
  if (read === null) return none
  const found = await examine([option], async () => {
    const addresses = await withDownloads(read, folders, reader, toLocal)
    return located(
      read,
      { ...folders, find: (name, kind) => addresses.get(name) ?? folders.find(name, kind) },
      path,
      reader,
    )
  })
  return found === null ? none : { recipes: found, notices: read.notices }
}

/** The option that replaces the files of a kind. */
const OPTION_OF: Readonly<Record<RecipeFileKind, SettingName<GenerateTable>>> = {
  checkpoint: "ckpt",
  unet: "unet",
  vae: "vae",
  lora: "networkWeights",
  "textual-inversion": "textualInversionEmbeddings",
  adapter: "controlNetLlliteModels",
  picture: "guideImagePath",
  start: "imagePath",
  mask: "maskPath",
}

/** Kinds of files that are downloaded. Pictures are not. */
const DOWNLOADED: readonly RecipeFileKind[] = ["checkpoint", "unet", "vae", "lora", "textual-inversion", "adapter"]

/** The local paths of files that recipes name by an address, or in a repository of the Hub. */
async function withDownloads(
  { recipes }: RecipeSource,
  folders: ModelFolders,
  { isGiven }: GenerateReader,
  toLocal: LocalPaths,
): Promise<ReadonlyMap<string, string>> {
  const names = new Set<string>()
  for (const recipe of recipes) {
    withFiles(recipe, (file, kind) => {
      // "owner/name" alone may be a file in a folder, so it is none here.
      const isAddress = /^(https?:\/\/|hf:)/i.test(file.path) || /^[\w.-]+\/[\w.-]+(@[^:]+)?:.+\.\w+$/.test(file.path)
      const isWanted = DOWNLOADED.includes(kind) && !isGiven(OPTION_OF[kind])
      if (isAddress && isWanted && folders.find(file.path, kind) === null) names.add(file.path)
      return file
    })
  }
  const paths = new Map<string, string>()
  for (const name of names) {
    const path = await toLocal(name)
    if (path !== name) paths.set(name, path)
  }
  return paths
}

/** The recipes with the paths of their files. @throws InputError with all files that are missing */
function located(
  { recipes, prefixes = [], hasGroups, hasTags }: RecipeSource,
  folders: ModelFolders,
  source: string,
  { isGiven, nameOf }: GenerateReader,
): readonly SourceRecipe[] {
  const missing = new Map<string, string>()
  const loraFolders = hasTags ? folders.foldersOf("lora") : []
  const found = recipes.map((recipe, i) => ({
    ...{ hasGroups, hasTags, loraFolders, prefix: prefixes[i] ?? null },
    recipe: withFiles(recipe, (file, kind) => {
      if (isGiven(OPTION_OF[kind])) return file
      const path = folders.find(file.path, kind)
      if (path !== null) return { path }
      missing.set(
        `${kind} ${file.path}`,
        missingText(file.path, kind, folders, nameOf(OPTION_OF[kind]), nameOf("modelsDir")),
      )
      return file
    }),
  }))
  if (missing.size === 0) return found
  const problems: readonly Problem[] = [...missing.values()].map((text) => ({ where: `"${source}"`, text }))
  throw new InputError("file", describeProblems(`"${source}"`, problems), { problems })
}

function missingText(
  name: string,
  kind: RecipeFileKind,
  folders: ModelFolders,
  option: string,
  modelsOption: string,
): string {
  const what = RECIPE_FILE_NAMES[kind]
  if (name === "unknown") return `its ${what} is not named. Give it with ${option}`
  const searched = folders.foldersOf(kind)
  const advice = `Give it with ${option}, or its folder with ${modelsOption}`
  if (searched.length === 0) return `the ${what} ${JSON.stringify(name)} is not there. ${advice}`
  const more = searched.length === 1 ? "" : ` and ${searched.length - 1} more`
  return `the ${what} ${JSON.stringify(name)} is not in "${searched[0]}"${more}. ${advice}`
}

/**
 * The reader with the settings that a recipe has, where no option gives them. So options that depend on each other, and
 * files, are examined as if all came from the command line.
 */
export function filledReader(reader: GenerateReader, { recipe, loraFolders }: SourceRecipe): GenerateReader {
  const { settings, isGiven } = reader
  const { model, adapters = [], start, hires } = recipe
  const guides = adapters.flatMap(({ control }) => control?.file.path ?? [])
  const loras = [...(model.loras ?? []), ...(recipe.loras ?? [])].map(({ file }) => file.path)
  const inversions = (recipe.textualInversions ?? []).map(({ file }) => file.path)
  const { W, H } = sidesOf(reader, recipe)
  return {
    ...reader,
    settings: {
      ...settings,
      loraDir: [...settings.loraDir, ...loraFolders],
      ...{ W, H, ckpt: settings.ckpt ?? model.checkpoint.path },
      ...(settings.prompt === undefined && settings.fromFile === undefined ? { prompt: recipe.prompt } : {}),
      ...(settings.vae === undefined && model.vae !== undefined ? { vae: model.vae.path } : {}),
      ...(settings.unet === undefined && model.unet !== undefined ? { unet: model.unet.path } : {}),
      ...(isGiven("imagePath") || start == null ? {} : { imagePath: start.image.path }),
      ...(isGiven("imagePath") || isGiven("maskPath") || start?.mask == null ? {} : { maskPath: start.mask.path }),
      ...(isGiven("highresFixScale") || hires == null ? {} : { highresFixScale: hires.scale }),
      ...(isGiven("networkWeights") ? {} : { networkWeights: loras }),
      ...(isGiven("textualInversionEmbeddings") ? {} : { textualInversionEmbeddings: inversions }),
      ...(isGiven("controlNetLlliteModels") ? {} : { controlNetLlliteModels: adapters.map(({ file }) => file.path) }),
      ...(isGiven("guideImagePath") || guides.length < adapters.length ? {} : { guideImagePath: guides }),
    },
  }
}

/** The sides of the pictures. One that is given changes the other in proportion. */
function sidesOf({ settings: { W, H } }: GenerateReader, { width, height }: RecipeInput): { W: number; H: number } {
  const near = (side: number): number => Math.max(SIDE_MULTIPLE, Math.round(side / SIDE_MULTIPLE) * SIDE_MULTIPLE)
  if (W !== undefined) return { W, H: H ?? near((W * height) / width) }
  return H === undefined ? { W: width, H: height } : { W: near((H * width) / height), H }
}
