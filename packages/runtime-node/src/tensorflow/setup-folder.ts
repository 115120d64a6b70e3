import { join } from "node:path"
import { cacheFolder } from "../files/cache-folder.ts"

/** The user's folder for what `lllite setup tensorflow` builds. See `cacheFolder`. */
export function setupFolder(...where: Parameters<typeof cacheFolder>): string {
  return join(cacheFolder(...where), "tensorflow")
}
