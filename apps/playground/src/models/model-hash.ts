import { openStored, type WebSource } from "@lllite/runtime-web"
import { sha256Of } from "../hashes/sha256-of.ts"
import { type ModelFacts, modelFacts } from "./model-facts.ts"

/**
 * Hashes the file of the model that draws, and adds the hash to its facts. The model draws meanwhile: a checkpoint of
 * SDXL takes about a minute. A picture that is made before has no hash of its model.
 */
export async function findModelHash(source: WebSource, facts: ModelFacts): Promise<void> {
  const file = await fileOf(source).catch(() => null)
  const sha256 = file === null ? null : await sha256Of(file)
  // Meanwhile another model may draw.
  if (sha256 !== null && modelFacts.value === facts) modelFacts.value = { ...facts, sha256 }
}

/** The file of a model, on the disk or among the kept downloads. Null: it is at an address. */
async function fileOf(source: WebSource): Promise<Blob | null> {
  if (source instanceof Blob) return source
  return typeof source === "object" && "stored" in source ? openStored(source.stored) : null
}
