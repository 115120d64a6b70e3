import { InputError } from "@lllite/runtime-node"
import { flagName } from "../command/command.ts"
import { examineGeneration } from "../generate/examine.ts"
import type { PlannedPicture } from "../generate/plan-pictures.ts"
import type { GenerateSettings } from "../generate/settings.ts"
import { checkGenerateOptions, readGenerateSettings } from "../generate/settings.ts"
import { examineSource, filledReader } from "../generate/source/examine-source.ts"
import { hasSource } from "../generate/source/options.ts"
import { cellEntries } from "./cells.ts"
import { GRID_OPTIONS } from "./options.ts"
import type { Axes, GridReader } from "./settings.ts"

/** A sheet to draw. */
export interface GridPlan {
  readonly axes: Axes
  /** The settings of all cells. Their pictures go row by row. */
  readonly settings: GenerateSettings
}

/**
 * The settings of options, of a workflow, or of a picture.
 *
 * @returns `base` also has what comes of the workflow or the picture
 * @throws UsageError with all problems of the options
 */
async function settingsOf(
  reader: GridReader,
): Promise<{ readonly settings: GenerateSettings; readonly base: GridReader["settings"] }> {
  const source = hasSource(reader) ? await examineSource(reader) : null
  const [recipe = null] = source?.recipes ?? []
  const filled = recipe === null ? reader : filledReader(reader, recipe)
  checkGenerateOptions(filled)
  const { pictures, notices } = await examineGeneration(filled, recipe)
  const said = [...(source?.notices ?? []), ...notices]
  return { settings: readGenerateSettings(filled, pictures, said), base: { ...reader.settings, ...filled.settings } }
}

/** The most cells of a sheet. */
const MOST_CELLS = 1024

/**
 * The pictures of a sheet, examined like those of `generate`.
 *
 * @throws UsageError with all problems of the options; InputError for a cell that cannot be drawn
 */
export async function planGrid(reader: GridReader, axes: Axes | null): Promise<GridPlan> {
  const { settings, base } = await settingsOf(reader)
  // Without axes, the reader has refused by now.
  if (axes === null) throw new InputError("prompt-line", "grid: there is no axis, expected --x")
  const { x, y } = axes
  const rows = y?.values.length ?? 1
  if (rows * x.values.length > MOST_CELLS) {
    throw new InputError(
      "prompt-line",
      `grid: ${x.values.length} by ${rows} cells, expected at most ${MOST_CELLS}. Give fewer values.`,
    )
  }
  const pictures: PlannedPicture[] = []
  const notices = new Set(settings.notices)
  // A seed that was not given is drawn once, so that cells differ by their axes alone.
  const seed = settings.pictures[0]?.recipe.seed
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < x.values.length; column++) {
      const choices = [{ axis: x, index: column }, ...(y === null ? [] : [{ axis: y, index: row }])]
      const where = choices.map(({ axis, index }) => `${axis.label}=${axis.values[index]}`).join(", ")
      const entries = cellEntries(GRID_OPTIONS, base, choices)
      if ("problem" in entries) throw new InputError("prompt-line", `grid: ${entries.problem}`)
      const fixed = reader.isGiven("seed") || seed === undefined ? [] : [["seed", String(seed)] as const]
      const isSeed = entries.some(([name]) => name === "seed")
      const cell = reader.override({
        ...{ where: `grid, ${where}`, spell: flagName },
        entries: [...entries, ...(isSeed ? [] : fixed)],
      })
      const { settings: own } = await settingsOf(cell)
      for (const notice of own.notices) notices.add(notice)
      const [picture] = own.pictures
      if (picture === undefined || own.pictures.length > 1) {
        throw new InputError(
          "prompt-line",
          `grid: the cell ${where} has ${own.pictures.length} pictures, expected one. Leave out what draws several: images_per_prompt, n_iter, lines of from_file, and groups that begin with e$$.`,
        )
      }
      pictures.push(picture)
    }
  }
  return { axes, settings: { ...settings, pictures, notices: [...notices] } }
}
