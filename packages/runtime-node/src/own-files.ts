import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { InputError } from "./errors.ts"

/**
 * A function that finds and loads packages as a module does.
 *
 * @param url the module's `import.meta.url`. A bundler that writes CommonJS leaves it undefined. Then the program's main
 * file is taken.
 */
export function requireFrom(url: string | undefined): NodeJS.Require {
  return createRequire(url ?? pathToFileURL(process.argv[1] ?? join(process.cwd(), "program.js")))
}

/**
 * The file of a program of this package: a worker thread, or the process that tries a backend. It lies beside the module
 * that starts it. In a program that a bundler made, it is the one of the installed package.
 *
 * @param url the `import.meta.url` of the module that starts it
 * @throws InputError if the file is in neither place
 */
export function programFile(name: "worker" | "probe" | "preprocess", url: string | undefined): string {
  if (url?.endsWith(".ts")) return fileURLToPath(new URL(`./${name}.ts`, url))
  // The name is this package's own. Another "worker.js" may lie beside a bundle.
  const built = `lllite-${name}.js`
  const beside = url === undefined ? null : fileURLToPath(new URL(`./${built}`, url))
  if (beside !== null && existsSync(beside)) return beside
  const installed = installedFolder(url)
  const file = installed === null ? null : join(installed, built)
  if (file !== null && existsSync(file)) return file
  throw new InputError(
    "bundled",
    `"${built}" of @lllite/runtime-node is not beside ${beside === null ? "the program" : `"${beside}"`}, and the package is not installed there. A bundler has put its code into another file. Let the bundler leave the package out (esbuild: --packages=external), and install it where the program runs.`,
  )
}

/**
 * The folder of sources that this package is published with, to be built on the user's machine. In a program that a
 * bundler made, it is the one of the installed package.
 *
 * @param url the `import.meta.url` of the module that asks
 * @returns null if the package is not there
 */
export function packageSources(name: "kernels", url: string | undefined): string | null {
  const installed = installedFolder(url)
  const folder = (url === undefined ? null : ownPackageAround(fileURLToPath(url))) ?? (installed && dirname(installed))
  const sources = folder === null ? null : join(folder, name)
  return sources !== null && existsSync(sources) ? sources : null
}

/** The folder of this package that a file lies in. Null: a bundler has put the code elsewhere. */
function ownPackageAround(file: string): string | null {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (packageName(folder) === "@lllite/runtime-node") return folder
  }
  return null
}

function packageName(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly name?: unknown }).name
  } catch {
    return undefined
  }
}

function installedFolder(url: string | undefined): string | null {
  try {
    return dirname(requireFrom(url).resolve("@lllite/runtime-node"))
  } catch {
    return null
  }
}
