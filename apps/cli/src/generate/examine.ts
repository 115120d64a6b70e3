import type { AdapterRecipe } from "@lllite/core/recipe"
import { InputError, listPictures, readAlphaMask, readImage, tryOutputs } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import { describeProblems } from "@lllite/runtime-node/options"
import { checkCheckpoint } from "../model/checkpoint.ts"
import { examineModel } from "../model/examine-model.ts"
import type { LocalPaths } from "../model/local-models.ts"
import { sdxlPaths } from "../model/runtime-options.ts"
import { controlNotices, readControlKind, readsControlType } from "./control-files.ts"
import { guideNotices } from "./guides.ts"
import { checkHoles } from "./holes.ts"
import { findNamedLoras, type NamedLoras, readLoraOptions } from "./loras.ts"
import { masksOfRecipe } from "./masks.ts"
import type { GENERATE_OPTIONS } from "./options.ts"
import { tryPictures } from "./picture-files.ts"
import { picturePrompts } from "./picture-prompts.ts"
import type { PlannedPicture } from "./plan-pictures.ts"
import type { PromptSource } from "./prompts.ts"
import { problemsOfSource, readPromptFile } from "./prompts.ts"
import { regionNotices, regionsOf } from "./regions.ts"
import { planOf } from "./settings.ts"
import type { SourceRecipe } from "./source/examine-source.ts"
import { openModelFolders } from "./source/model-folders.ts"
import { expectLoadable } from "./source/save-workflow.ts"
import { speedNotices } from "./speed-options.ts"
import { contentNotices, readStartFiles, startNotices, strengthNotices } from "./start-files.ts"
import { controlTypeAt, masksOf } from "./steering-options.ts"
import { findTextualInversions } from "./textual-inversions.ts"

type GenerateReader = OptionReader<typeof GENERATE_OPTIONS>

/**
 * Examines the files and prompts of a generation. The reader keeps the problems. Nothing is loaded: that takes long.
 *
 * @param from the recipe of a file, with which the reader is filled
 * @param toLocal downloads the LoRAs that prompts name by an address. Default: none is downloaded
 * @returns the pictures to make, none if there is a problem, and what is said of them
 */
export async function examineGeneration(
  reader: GenerateReader,
  from: SourceRecipe | null = null,
  toLocal?: LocalPaths,
): Promise<NamedLoras> {
  const { settings, examine } = reader
  const regions = regionsOf(settings)
  const paths = sdxlPaths(settings.ckpt ?? "", settings)
  const model = await examineModel(reader, "ckpt", paths, ({ inChannels, outChannels }) => {
    const hasMask = (settings.maskPath !== undefined && regions === null) || from?.recipe.start?.mask != null
    if (inChannels === outChannels || hasMask) return
    throw new InputError(
      "model-part",
      `"${settings.ckpt}" is an inpainting checkpoint and there is no mask. Give a picture to start from with --image_path, and a mask with --mask_path.`,
    )
  })
  let areLoras = true
  for (const source of model?.isWhole === true ? settings.networkWeights : []) {
    const checked = await examine(["networkWeights"], () => checkCheckpoint({ ...paths, loras: [{ source }] }))
    if (checked === null) areLoras = false
  }
  const kinds = new Map<string, AdapterRecipe["kind"]>()
  let isTypeRead = false
  for (const [i, path] of settings.controlNetLlliteModels.entries()) {
    const kind = await examine(["controlNetLlliteModels"], () => readControlKind(path))
    if (kind !== null) kinds.set(path, kind)
    if (kind !== "controlnet") continue
    const type = controlTypeAt(settings, i) ?? from?.recipe.adapters?.[i]?.controlType
    isTypeRead = (await examine(["controlNetTypes"], () => readsControlType(path, type))) === true || isTypeRead
  }
  for (const path of masksOf(settings)) await examine(["llliteMasks", "llliteHoles"], () => readImage(path))
  const unread: string[] = []
  const guides = await examine(["guideImagePath"], () => listGuides(reader, (text) => unread.push(text)))
  const sources = await examine(["prompt", "fromFile", "imagePath"], () => readSources(reader, from))
  const { imagePath } = settings
  const maskPath = regions === null ? settings.maskPath : undefined
  if (regions !== null) await examine(["maskPath"], () => readImage(regions.file.path))
  const starts =
    imagePath === undefined ? [] : await examine(["imagePath", "maskPath"], () => readStartFiles(imagePath, maskPath))
  // A file with a problem would be named twice.
  const loras = areLoras ? await examine(LORA_OPTIONS, () => readLoraOptions(reader)) : null
  const textualInversions = await examine(["textualInversionEmbeddings"], () =>
    findTextualInversions(settings.textualInversionEmbeddings),
  )
  const isReady = sources !== null && loras !== null && textualInversions !== null && starts !== null
  const networks = { merged: [], live: [], ...loras, textualInversions: textualInversions ?? [] }
  const planned = isReady ? await planOf(reader, sources, networks, from?.recipe, guides ?? [], starts, kinds) : []
  const named = await examine(["prompt", "fromFile", "loraDir", "modelsDir", "extraModelPathsConfig"], async () =>
    findNamedLoras(planned, await loraFolders(settings), toLocal),
  )
  const { pictures } = named ?? { pictures: [] }
  for (const path of guides === null ? [] : controlPaths(planned))
    await examine(["guideImagePath"], () => readImage(path))
  for (const path of alphaMasks(planned)) {
    await examine(["maskPath", "llliteMasks", "llliteHoles"], () => readAlphaMask(path))
  }
  await examine(["controlNetLlliteModels", "llliteHoles"], () => checkHoles(planned, kinds))
  const { saveWorkflow } = settings
  if (saveWorkflow !== undefined) {
    await examine(["saveWorkflow"], () => tryOutputs([saveWorkflow], { bytes: 2 ** 16 }))
    const lllites = [...kinds].flatMap(([path, kind]) => (kind === "lllite" ? [path] : []))
    await examine(["controlNetLlliteModels", "saveWorkflow"], () => expectLoadable(lllites))
  }
  await examine(["outdir"], () => tryPictures(settings.outdir, pictures))
  const { llliteMap } = settings
  if (llliteMap !== undefined) await examine(["llliteMap"], () => tryPictures(llliteMap, pictures))
  const recipes = pictures.map(({ recipe }) => recipe)
  const said = [
    ...unread,
    ...speedNotices(reader),
    ...guideNotices(settings, guides ?? [], pictures.length),
    ...controlNotices(kinds, settings),
    ...(isTypeRead || kinds.size === 0 || settings.controlNetTypes.length === 0
      ? []
      : ["--control_net_types has no effect, because no file is a ControlNet Union."]),
    ...regionNotices(recipes),
    ...startNotices(starts ?? [], pictures.length),
    ...(reader.isGiven("maskedContent") ? contentNotices(recipes, reader.nameOf("maskedContent")) : []),
    ...(reader.isGiven("strength") ? strengthNotices(recipes, reader.nameOf("strength")) : []),
  ]
  return { pictures, notices: [...said, ...(named?.notices ?? [])] }
}

/** The folders in which LoRAs of prompts are found: those that are given, and those of model folders. */
async function loraFolders({
  loraDir,
  modelsDir: modelsDirs,
  extraModelPathsConfig: extraPaths,
}: GenerateReader["settings"]): Promise<readonly string[]> {
  if (modelsDirs.length === 0 && extraPaths === undefined) return loraDir
  const folders = await openModelFolders({ modelsDirs, extraPaths, source: "." })
  return [...loraDir, ...folders.foldersOf("lora")]
}

const LORA_OPTIONS = ["networkWeights", "networkMul", "networkArgs", "networkMerge", "networkMergeNModels"] as const

/** The control pictures of paths, folders and patterns. @throws InputError when there are fewer than LLLites */
async function listGuides(
  { settings, nameOf }: GenerateReader,
  say: (notice: string) => void,
): Promise<readonly string[]> {
  const guides = await listPictures(settings.guideImagePath, say)
  const { length } = settings.controlNetLlliteModels
  if (guides.length >= length) return guides
  throw new InputError(
    "control-missing",
    `${nameOf("guideImagePath")} has ${guides.length === 1 ? "one picture" : `${guides.length} pictures`} for ${length} LLLites. Expected one for each.`,
  )
}

/** The control pictures of all pictures, each once. */
function controlPaths(pictures: readonly PlannedPicture[]): ReadonlySet<string> {
  return new Set(pictures.flatMap(({ recipe }) => recipe.adapters.flatMap(({ control }) => control?.file.path ?? [])))
}

/** The masks of all pictures that are the alpha of a file, each once. */
function alphaMasks(pictures: readonly PlannedPicture[]): ReadonlySet<string> {
  return new Set(
    pictures.flatMap(({ recipe }) => [
      ...(recipe.start?.maskChannel === "alpha" ? [recipe.start.mask?.path ?? []].flat() : []),
      ...masksOfRecipe(recipe).flatMap(({ channel, file }) => (channel === "alpha" ? [file.path] : [])),
    ]),
  )
}

/** The prompts of the command line, of a file, or of the pictures to start from. @throws InputError with every option of a line that is wrong */
async function readSources(
  { settings, nameOf, isGiven }: GenerateReader,
  from: SourceRecipe | null,
): Promise<readonly PromptSource[]> {
  const { prompt, fromFile, workflow, from: picture } = settings
  if (from !== null && !isGiven("prompt") && !isGiven("fromFile")) {
    return [
      {
        text: from.recipe.prompt,
        where: `"${workflow ?? picture}"`,
        isLiteral: true,
        hasGroups: from.hasGroups,
        hasTags: from.hasTags,
      },
    ]
  }
  if (prompt === undefined && fromFile === undefined && settings.imagePath !== undefined) {
    return picturePrompts(settings.imagePath)
  }
  const sources: readonly PromptSource[] =
    fromFile === undefined ? [{ text: prompt ?? "", where: nameOf("prompt") }] : await readPromptFile(fromFile)
  const problems = sources.flatMap(problemsOfSource)
  if (problems.length === 0) return sources
  const place = fromFile === undefined ? nameOf("prompt") : `"${fromFile}"`
  throw new InputError("prompt-line", describeProblems(place, problems), { problems })
}
