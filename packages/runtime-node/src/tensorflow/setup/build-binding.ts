import { readdirSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { InputError } from "../../errors.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"
import type { TensorflowLibraries } from "./fetch-wheel.ts"

export interface BindingBuild {
  readonly compiler: string
  /** Folder of tfjs-node's sources. */
  readonly sources: string
  readonly nodeHeaders: string
  readonly tensorflow: TensorflowLibraries
  /** Path of the addon to write. */
  readonly output: string
  readonly signal: AbortSignal | undefined
}

/**
 * Compiles tfjs-node's published binding and links it with TensorFlow's libraries. The binding finds them by a path
 * relative to itself, so the folder may be moved as a whole.
 *
 * @throws InputError with the compiler's output
 */
export async function buildBinding(build: BindingBuild): Promise<void> {
  const { compiler, sources, nodeHeaders, tensorflow, output, signal } = build
  const files = readdirSync(sources).filter((name) => name.endsWith(".cc"))
  const [library = ""] = tensorflow.libraries
  const isMac = process.platform === "darwin"
  const beside = `${isMac ? "@loader_path" : "$ORIGIN"}/${relative(dirname(output), dirname(library))}`
  const args = [
    ...["-O2", "-shared", "-fPIC", "-std=c++17", "-DNAPI_VERSION=8"],
    // Node's symbols are defined when the addon is loaded, and not yet when it is linked.
    ...(isMac ? ["-undefined", "dynamic_lookup"] : []),
    ...["-I", nodeHeaders, "-I", tensorflow.include],
    ...files.map((name) => join(sources, name)),
    ...tensorflow.libraries,
    `-Wl,-rpath,${beside}`,
    ...["-o", output],
  ]
  const result = await runCommand(compiler, args, { signal })
  if (result.code === 0) return
  throw new InputError(
    "setup-build",
    `setup tensorflow: ${compiler} could not build the binding for TensorFlow ${tensorflow.version}. Its output:\n${lastLines(result, 12)}`,
  )
}
