import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { TFJS_VERSION } from "../backends/names.ts"
import { requireFrom } from "../own-files.ts"
import { setupFolder } from "./setup-folder.ts"

/** Sources of a TensorFlow, in the order in which they are tried. */
export const TENSORFLOW_SOURCES = ["setup", "@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const

/** `setup` was built by `lllite setup tensorflow`. The others are npm packages that the user installed. */
export type TensorflowSource = (typeof TENSORFLOW_SOURCES)[number]

/** A TensorFlow on this machine, not loaded yet. */
export interface TensorflowInstallation {
  readonly source: TensorflowSource
  /** Folder of tfjs-node's package, whose JavaScript calls the binding. */
  readonly package: string
  /** Path of the native addon. */
  readonly binding: string
}

export interface TensorflowSearch {
  /** The TensorFlow to use, or null. */
  readonly found: TensorflowInstallation | null
  /** Installed ones that cannot be used, each with its problem. */
  readonly unusable: readonly { readonly source: TensorflowSource; readonly problem: string }[]
}

const require = requireFrom(import.meta.url)

/**
 * Looks for an installed TensorFlow without loading it. First comes the one that `lllite setup tensorflow` made. Then
 * come the packages tfjs-node-gpu and tfjs-node, if this package can import them.
 *
 * @param resolve returns the folder of an npm package, or null
 * @param setup the folder of `lllite setup tensorflow`
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

/** Folder of an npm package that this package can import, or null. */
export function packageFolder(name: string): string | null {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    return null
  }
}

/** The TensorFlow that setup made in a folder, or the problem with it. */
export function setupInstallation(folder: string): TensorflowInstallation | string {
  const found = {
    source: "setup",
    package: join(folder, "tfjs-node"),
    binding: join(folder, "tfjs_binding.node"),
  } as const
  const version = packageVersion(found.package)
  if (version === null || !existsSync(found.binding)) {
    return `"${folder}" lacks files of TensorFlow. Type: lllite setup tensorflow`
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
    return "its native addon is missing. Its install script did not run, or could not download it. Type: lllite setup tensorflow"
  }
  return { source, package: folder, binding }
}

/** The addon of the newest Node-API among those that the package's install script left. */
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
