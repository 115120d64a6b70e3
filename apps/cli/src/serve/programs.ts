import { fileURLToPath } from "node:url"
import type { Programs } from "./runner.ts"

/** The programs that do the work. Chunks of the build lie beside both. */
export const PROGRAMS: Programs = {
  drawing: new URL("./lllite-drawing.js", import.meta.url),
  command: fileURLToPath(new URL("./main.js", import.meta.url)),
}
