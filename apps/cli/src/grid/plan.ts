import { InputError } from "@lllite/runtime-node"
import { flagName } from "../command/command.ts"
import { examineGeneration } from "../generate/examine.ts"
import type { GenerateSettings } from "../generate/settings.ts"
import { checkGenerateOptions, readGenerateSettings } from "../generate/settings.ts"
import type { ExaminedSource, SourceRecipe } from "../generate/source/examine-source.ts"
import { examineSource, filledReader } from "../generate/source/examine-source.ts"
import { hasSource } from "../generate/source/options.ts"
import type { LocalPaths } from "../model/local-models.ts"
import { cellEntries } from "./cells.ts"
import { GRID_OPTIONS } from "./options.ts"
import type { Axes, GridReader } from "./settings.ts"

/** A sheet to draw. */
export interface GridPlan {
  readonly axes: Axes
  /** The settings of all cells. Their pictures go row by row. */
  readonly settings: GenerateSettings
}

/** The most cells of a sheet. */
const MOST_CELLS = 1024

/**
 * The pictures of a sheet, examined like those of `generate`. Every cell is examined with its own values, because an
 * axis may have what the other options need.
 *
 * @throws UsageError with all problems of the options; InputError for a cell that cannot be drawn
 */
export async function planGrid(
  reader: GridReader,
  axes: Axes | null,
  toLocal: LocalPaths = async (text) => text,
): Promise<GridPlan> {
  if (axes === null) {
    reader.finish()
    throw new InputError("grid", "grid: an axis cannot be read")
  }
  const { x, y } = axes
  const rows = y?.values.length ?? 1
  if (rows * x.values.length > MOST_CELLS) {
    throw new InputError(
      "grid",
      `grid: ${x.values.length} by ${rows} cells, expected at most ${MOST_CELLS}. Give fewer values.`,
    )
  }
  const base = { ...reader.settings, ...(await filledOf(reader, toLocal)).filled.settings }
  const cells: GenerateSettings[] = []
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < x.values.length; column++) {
      const choices = [{ axis: x, index: column }, ...(y === null ? [] : [{ axis: y, index: row }])]
      const where = choices.map(({ axis, index }) => `${axis.label}=${axis.values[index]}`).join(", ")
      const entries = cellEntries(GRID_OPTIONS, base, choices)
      if ("problem" in entries) throw new InputError("grid", `grid: ${entries.problem}`)
      // A seed that was not given is drawn once, so that cells differ by their axes alone.
      const seed = cells[0]?.pictures[0]?.recipe.seed
      const needsSeed = !reader.isGiven("seed") && !entries.some(([name]) => name === "seed") && seed !== undefined
      const cell = reader.override({
        ...{ where: `grid, ${where}`, spell: flagName },
        entries: [...entries, ...(needsSeed ? [["seed", String(seed)] as const] : [])],
      })
      const settings = await settingsOf(cell, toLocal)
      if (settings.pictures.length !== 1) {
        throw new InputError(
          "grid",
          `grid: the cell ${where} has ${settings.pictures.length} pictures, expected one. Leave out what draws several: images_per_prompt, n_iter, lines of from_file, and groups that begin with e$$.`,
        )
      }
      cells.push(settings)
    }
  }
  const [first] = cells
  if (first === undefined) throw new Error("a sheet has no cell")
  const notices = [...new Set(cells.flatMap((cell) => cell.notices))]
  return { axes, settings: { ...first, pictures: cells.flatMap(({ pictures }) => pictures), notices } }
}

/** The settings of options, of a workflow, or of a picture. @throws UsageError with all problems of the options */
async function settingsOf(reader: GridReader, toLocal: LocalPaths): Promise<GenerateSettings> {
  const { filled, source, recipe } = await filledOf(reader, toLocal)
  checkGenerateOptions(filled)
  const { pictures, notices } = await examineGeneration(filled, recipe, toLocal)
  return readGenerateSettings(filled, pictures, [...(source?.notices ?? []), ...notices])
}

/** A reader with what comes of the workflow or the picture that it names. */
async function filledOf(
  reader: GridReader,
  toLocal: LocalPaths,
): Promise<{
  readonly filled: Parameters<typeof examineGeneration>[0]
  readonly source: ExaminedSource | null
  readonly recipe: SourceRecipe | null
}> {
  const source = hasSource(reader) ? await examineSource(reader, toLocal) : null
  const [recipe = null] = source?.recipes ?? []
  return { filled: recipe === null ? reader : filledReader(reader, recipe), source, recipe }
}
