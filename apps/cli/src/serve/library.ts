import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { Library, Model, ModelKind } from "@lllite/serve"
import { openModelFolders } from "../generate/source/model-folders.ts"

/** Files that are listed as models. */
const MODEL_FILE = /\.(safetensors|sft)$/i

/** How deep folders are searched, and how many models of a kind are listed. */
const [DEEPEST, MOST_MODELS] = [4, 5000]

/** The models in folders, as `--models_dir` and `--extra_model_paths_config` name them. */
export async function createLibrary(options: {
  readonly modelsDirs: readonly string[]
  readonly extraPaths: string | undefined
}): Promise<Library> {
  const folders = await openModelFolders({ ...options, source: "." })
  return {
    async list(kind: ModelKind) {
      const found = new Map<string, Model>()
      for (const folder of folders.foldersOf(kind)) {
        for (const model of await modelsIn(folder, "", 0)) if (!found.has(model.name)) found.set(model.name, model)
      }
      return [...found.values()].slice(0, MOST_MODELS).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

async function modelsIn(folder: string, below: string, depth: number): Promise<readonly Model[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])
  const models: Model[] = []
  for (const entry of entries) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`
    // A link in a folder of models was made by its owner, and is followed.
    if (MODEL_FILE.test(entry.name)) models.push({ name, path: join(folder, name) })
    else if (entry.isDirectory() && depth < DEEPEST) models.push(...(await modelsIn(folder, name, depth + 1)))
  }
  return models
}
