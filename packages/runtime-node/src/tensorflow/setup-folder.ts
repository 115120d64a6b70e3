import { join } from "node:path"
import { cacheFolder } from "../files/cache-folder.ts"

/** The folder where `lllite setup tensorflow` puts TensorFlow. See `cacheFolder`. */
export function setupFolder(...where: Parameters<typeof cacheFolder>): string {
  return join(cacheFolder(...where), "tensorflow")
}
