import { open } from "node:fs/promises"
import { join } from "node:path"
import { sdxlHeader } from "../../../packages/runtime-web/test/sdxl-header.ts"

/** Writes an SDXL of real size, 6.94 GB, into a folder. Its values are holes of the file system. @returns its path */
export async function writeSdxlFile(folder: string): Promise<string> {
  const path = join(folder, "real.safetensors")
  const { bytes, fileBytes } = await sdxlHeader()
  const file = await open(path, "w")
  await file.write(bytes)
  await file.truncate(fileBytes)
  await file.close()
  return path
}
