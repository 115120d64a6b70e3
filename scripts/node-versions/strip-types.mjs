// Removes the types of a source when Node loads it.
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { transform } from "esbuild"

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context)
  const { code } = await transform(await readFile(fileURLToPath(url), "utf8"), { loader: "ts", target: "es2023" })
  return { format: "module", source: code, shortCircuit: true }
}
