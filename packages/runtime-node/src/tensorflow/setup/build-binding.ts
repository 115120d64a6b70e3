import { readdirSync } from "node:fs"
import { join } from "node:path"
import { InputError } from "../../errors.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"
import type { AddonBuild } from "./addon-build.ts"
import { addonArguments, sourceArguments } from "./addon-build.ts"

/**
 * Compiles tfjs-node's published binding and links it with TensorFlow's libraries.
 *
 * @throws InputError with the compiler's output
 */
export async function buildBinding(build: AddonBuild): Promise<void> {
  const { compiler, sources, tensorflow, signal } = build
  const files = readdirSync(sources).filter((name) => name.endsWith(".cc"))
  const paths = files.map((name) => join(sources, name))
  const args = ["-O2", ...sourceArguments(build), ...addonArguments(build, paths)]
  const result = await runCommand(compiler, args, { signal })
  if (result.code === 0) return
  throw new InputError(
    "setup-build",
    `setup tensorflow: ${compiler} could not build the binding for TensorFlow ${tensorflow.version}. Its output:\n${lastLines(result, 12)}`,
  )
}
