import type { Recipe } from "@lllite/core/recipe"
import { shareableRecipe, writeWorkflow } from "@lllite/core/recipe"
import { FormatError } from "@lllite/format"
import { withPath, writeAtomically } from "@lllite/runtime-node/files"
import { openLllite } from "../../lllite-file/open-lllite.ts"
import type { Reporter } from "../../terminal/progress.ts"

/**
 * Refuses LLLites that ComfyUI's node cannot load.
 *
 * @throws FormatError that names the first one
 */
export async function expectLoadable(paths: Iterable<string>): Promise<void> {
  for (const path of paths) {
    const { sites } = await withPath(path, openLllite)
    if (sites.some(({ condChannels }) => condChannels === 4)) {
      const what = "it reads a hole beside its control, and ComfyUI cannot load it. Leave it out of the workflow"
      throw new FormatError("wrong-kind", what, { source: path })
    }
    if (sites.some(({ condInput }) => condInput === "latent")) {
      const what = "it reads latents of its control, and ComfyUI cannot load it. Leave it out of the workflow"
      throw new FormatError("wrong-kind", what, { source: path })
    }
    if (!sites.some(({ sharedTrunk }) => sharedTrunk === true)) continue
    const what = "its sites share a conditioner, and ComfyUI cannot load it. Give the file of lllite convert --plain"
    throw new FormatError("wrong-kind", what, { source: path })
  }
}

/**
 * Writes the workflow of a recipe for ComfyUI: as its page opens it, or with a name that ends in `.api.json` as its
 * server runs it. Says what the workflow lacks.
 *
 * @throws InputError when it cannot be written
 */
export async function saveWorkflow(path: string, recipes: readonly Recipe[], reporter: Reporter): Promise<void> {
  const [recipe] = recipes
  if (recipe === undefined) return
  const { ui, api, notices } = writeWorkflow(shareableRecipe(recipe))
  const isApi = /\.api\.json$/i.test(path)
  await writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(isApi ? api : ui, null, 2)}\n`))
  const one = recipes.length === 1 ? [] : [`"${path}" has the first of ${recipes.length} pictures.`]
  for (const text of [...notices, ...one]) reporter.say("notice", { text }, `Note: ${text}`)
  reporter.say("workflow", { path }, path)
}
