import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { TFJS_VERSION } from "../backends/names.ts"
import { setupFolder } from "./setup-folder.ts"

/** Where a TensorFlow can come from, in the order in which they are taken. */
export const TENSORFLOW_SOURCES = ["setup", "@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const

/** `setup` is what `lllite setup tensorflow` built; the others are npm packages that the user installed. */
export type TensorflowSource = (typeof TENSORFLOW_SOURCES)[number]

/** A TensorFlow on this machine, not loaded yet. */
export interface TensorflowInstallation {
  readonly source: TensorflowSource
  /** Folder of tfjs-node's package, whose JavaScript drives the binding. */
  readonly package: string
  /** The native addon. */
  readonly binding: string
}

export interface TensorflowSearch {
  /** The one to use, or null. */
  readonly found: TensorflowInstallation | null
  /** What is there and cannot be used, each with what is wrong. */
  readonly unusable: readonly { readonly source: TensorflowSource; readonly problem: string }[]
}

const require = createRequire(import.meta.url)

/**
 * Looks for TensorFlow where it can be: what `lllite setup tensorflow` made, then the packages tfjs-node-gpu and
 * tfjs-node where this one can import them. Nothing is loaded.
 *
 * @param resolve gives the folder of an npm package, or null
 */
export function findTensorflow(
  resolve: (name: string) => string | null = packageFolder,
  setup: string = setupFolder(),
): TensorflowSearch {
  const unusable: { source: TensorflowSource; problem: string }[] = []
  for (const source of TENSORFLOW_SOURCES) {
    const folder = source === "setup" ? setup : resolve(source)
    if (folder === null || !existsSync(folder)) continue
    const result = source === "setup" ? setupInstallation(folder) : stockInstallation(source, folder)
    if (typeof result === "string") unusable.push({ source, problem: result })
    else return { found: result, unusable }
  }
  return { found: null, unusable }
}

/** Folder of an npm package that this one can import, or null. */
export function packageFolder(name: string): string | null {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    return null
  }
}

/** What setup left in a folder, or what is wrong with it. */
export function setupInstallation(folder: string): TensorflowInstallation | string {
  const found = {
    source: "setup",
    package: join(folder, "tfjs-node"),
    binding: join(folder, "tfjs_binding.node"),
  } as const
  const version = packageVersion(found.package)
  if (version === null || !existsSync(found.binding)) {
    return `"${folder}" is not whole. Type: lllite setup tensorflow`
  }
  if (version !== TFJS_VERSION) {
    return `"${folder}" was made for tfjs ${version}, expected ${TFJS_VERSION}. Type: lllite setup tensorflow`
  }
  return found
}

function stockInstallation(source: TensorflowSource, folder: string): TensorflowInstallation | string {
  const version = packageVersion(folder)
  if (version !== TFJS_VERSION) {
    return `it is version ${version ?? "unknown"}, expected ${TFJS_VERSION}. Type: npm install ${source}@${TFJS_VERSION}`
  }
  const binding = stockBinding(folder)
  if (binding === null) {
    return "its native addon is missing: its install script did not run, or could not download. Type: lllite setup tensorflow"
  }
  return { source, package: folder, binding }
}

/** The addon of the newest Node-API that the package's install script has left. */
function stockBinding(folder: string): string | null {
  const lib = join(folder, "lib")
  if (!existsSync(lib)) return null
  const found = readdirSync(lib)
    .flatMap((name) => {
      const version = /^napi-v(\d+)$/.exec(name)?.[1]
      const path = join(lib, name, "tfjs_binding.node")
      return version !== undefined && existsSync(path) ? [{ version: Number(version), path }] : []
    })
    .sort((a, b) => b.version - a.version)
  return found[0]?.path ?? null
}

function packageVersion(folder: string): string | null {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly version?: unknown }
    return typeof version === "string" ? version : null
  } catch {
    return null
  }
}
