import { dirname, relative } from "node:path"
import type { TensorflowLibraries } from "./fetch-wheel.ts"

/** An addon of Node that calls TensorFlow's library. */
export interface AddonBuild {
  readonly compiler: string
  /** Folder of the sources. */
  readonly sources: string
  readonly nodeHeaders: string
  readonly tensorflow: TensorflowLibraries
  /** Path of the addon to write. */
  readonly output: string
  readonly signal: AbortSignal | undefined
}

/** Arguments of the compiler for the sources of an addon. */
export function sourceArguments({ nodeHeaders, tensorflow }: AddonBuild): readonly string[] {
  return ["-fPIC", "-std=c++17", "-DNAPI_VERSION=8", "-I", nodeHeaders, "-I", tensorflow.include]
}

/**
 * Arguments of the compiler for an addon of these sources or objects. The addon finds TensorFlow's libraries by a path
 * relative to itself, so the folder may be moved as a whole.
 */
export function addonArguments({ tensorflow, output }: AddonBuild, files: readonly string[]): readonly string[] {
  const [library = ""] = tensorflow.libraries
  const isMac = process.platform === "darwin"
  const beside = `${isMac ? "@loader_path" : "$ORIGIN"}/${relative(dirname(output), dirname(library))}`
  return [
    "-shared",
    // Node's symbols are defined when the addon is loaded, and not yet when it is linked.
    ...(isMac ? ["-undefined", "dynamic_lookup"] : []),
    ...files,
    ...tensorflow.libraries,
    ...[`-Wl,-rpath,${beside}`, "-o", output],
  ]
}
