import { copyFile, mkdir } from "node:fs/promises"
import { basename, join } from "node:path"
import { preprocess } from "@lllite/core/image"
import type { FileReference, Recipe } from "@lllite/core/recipe"
import { readRecipe, withFiles } from "@lllite/core/recipe"
import { readImage, writePng } from "@lllite/runtime-node"
import type { Piece, PieceTask } from "@lllite/serve"
import { marked } from "../dataset/make/marked-files.ts"
import type { PictureFiles } from "../generate/picture-files.ts"
import type { PlannedPicture } from "../generate/plan-pictures.ts"
import type { GenerateParts } from "../generate/run.ts"
import { runGenerate } from "../generate/run.ts"
import type { GenerateSettings } from "../generate/settings.ts"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { readKindText } from "../preprocess/kind.ts"
import type { Reporter } from "../terminal/progress.ts"
import { DRAWN_PIECE } from "./names.ts"
import type { RecipeFiles } from "./recipe-files.ts"
import { isPicture } from "./recipe-files.ts"

/** A pair to draw. */
export interface DrawnPairInput extends Pick<PlannedPicture, "recipe" | "written" | "clipPrompt"> {
  /** Texts in both files that say what they were made of. */
  readonly marks: { readonly image: string; readonly control: string }
}

/** What all pairs of a piece have in common. */
export interface DrawnSettings {
  /** The preprocessor, as `--prep` reads it. */
  readonly prep: string
  readonly strict: boolean
  /** Null: chosen from the free memory. */
  readonly vaeSlices: number | null
  /** Backend and precision, as far as they were asked for. The worker chooses the rest. */
  readonly runtime: RuntimeChoice
}

interface DrawnInput extends DrawnSettings {
  /** The pairs, whose recipes name models by their names alone, and pictures by their hashes. */
  readonly pairs: readonly (Omit<DrawnPairInput, "recipe"> & { readonly recipe: unknown })[]
}

/** What is said of the pairs. */
export interface DrawnFacts {
  readonly notices: readonly string[]
}

/** The piece of a batch of pairs. It makes two files for each: the picture and its control. */
export async function drawnPiece(
  pairs: readonly DrawnPairInput[],
  settings: DrawnSettings,
  files: RecipeFiles,
): Promise<Piece> {
  const recipes = pairs.map(({ recipe }) => recipe)
  const hashes = await files.pictures(recipes)
  const named = recipes.map((recipe): unknown => {
    const shown = withFiles(recipe, (file, kind) => {
      const sha256 = isPicture(kind) ? hashes.get(file.path) : undefined
      return { path: basename(file.path), ...(sha256 === undefined ? {} : { sha256 }) }
    })
    return { ...shown, seed: String(recipe.seed) }
  })
  const input: DrawnInput = { ...settings, pairs: pairs.map((pair, i) => ({ ...pair, recipe: named[i] })) }
  const contents = [...new Set(hashes.values())].sort()
  return { kind: DRAWN_PIECE, input, contents, models: await files.models(recipes) }
}

/** What drawing gets of its process. */
export interface DrawPieceParts {
  readonly start: NonNullable<GenerateParts["start"]>
  /** Where the models of the piece are, by kind and name. */
  readonly modelAt: (kind: string, name: string) => string
  readonly runtime: RuntimeChoice
}

/** Draws a batch of pairs. @throws as `runGenerate` */
export async function drawPiece(
  { piece, inputs, folder, signal }: PieceTask,
  { start, modelAt, runtime }: DrawPieceParts,
) {
  const { pairs, prep, strict, vaeSlices, runtime: asked } = piece.input as DrawnInput
  const kind = readKindText(prep, "a piece")
  const recipes = pairs.map(({ recipe }) => readRecipe(recipe))
  const read = await underTheirNames(recipes, inputs, folder)
  const pictures = recipes.map(
    (recipe, i): PlannedPicture => ({
      recipe: withFiles(recipe, (file, of) => ({
        ...file,
        path: isPicture(of) ? (read.get(keyOf(file)) ?? file.path) : modelAt(of, file.path),
      })),
      // What was typed is in the text of a picture.
      ...{ written: pairs[i]?.written ?? "", clipPrompt: pairs[i]?.clipPrompt ?? null },
      ...{ tags: [], fileName: null },
    }),
  )
  const notices = new Set<string>()
  const reporter: Reporter = {
    progress: () => {},
    say: (event, _, text) => {
      if (event === "notice") notices.add(text.replace(/^Note: /, ""))
    },
    close: () => {},
  }
  const paths: string[] = []
  const files: PictureFiles = {
    get written() {
      return paths.length / 2
    },
    writeFirstStage: async () => {
      throw new Error("a data set has no pictures of first stages")
    },
    async write({ index, image }, text) {
      const marks = pairs[index]?.marks
      if (marks === undefined) throw new Error(`a batch has no pair ${index}`)
      const [path, control] = [join(folder, `${index}.png`), join(folder, `${index}-control.png`)]
      await writePng(path, image, marked(marks.image, text))
      // The control is of the picture as its file has it.
      await writePng(control, preprocess(await readImage(path), kind), marked(marks.control))
      paths.push(path, control)
      return path
    },
  }
  const settings: GenerateSettings = {
    ...{ pictures, strict, firstStage: false, batchSize: pictures.length, outdir: folder },
    ...{ vaeSlices: vaeSlices ?? undefined, llliteMap: undefined, naming: "seeded" },
    ...{ runtime: { ...runtime, ...asked }, notices: [] },
  }
  await runGenerate(settings, reporter, signal, { files, start })
  const ordered = pairs.flatMap((_, i) => [join(folder, `${i}.png`), join(folder, `${i}-control.png`)])
  return { paths: ordered, facts: { notices: [...notices] } satisfies DrawnFacts }
}

/** The pictures of recipes under the names that the text of a drawn picture gives them, by {@link keyOf}. */
async function underTheirNames(
  recipes: readonly Recipe[],
  inputs: PieceTask["inputs"],
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  const named = new Map<string, string>()
  for (const recipe of recipes) {
    const files: FileReference[] = []
    withFiles(recipe, (file, kind) => {
      if (isPicture(kind)) files.push(file)
      return file
    })
    for (const file of files) {
      const path = inputs.get(file.sha256 ?? "")
      if (path === undefined || named.has(keyOf(file))) continue
      const own = join(folder, "pictures", String(named.size))
      const to = join(own, basename(file.path))
      await mkdir(own, { recursive: true })
      await copyFile(path, to)
      named.set(keyOf(file), to)
    }
  }
  return named
}

function keyOf({ path, sha256 = "" }: FileReference): string {
  return `${sha256} ${path}`
}
