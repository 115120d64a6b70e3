import { mkdtemp, readdir, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { CommandResult } from "../../processes/run-command.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"
import type { AddonBuild } from "./addon-build.ts"
import { addonArguments, sourceArguments } from "./addon-build.ts"

/** Instructions that a source may use, by the end of its name. The addon asks the CPU before it calls such code. */
const INSTRUCTIONS: readonly (readonly [end: string, flags: readonly string[]])[] = [
  ["-avx512.cc", ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mf16c"]],
  ["-avx2.cc", ["-mavx2", "-mfma", "-mf16c"]],
]

/**
 * Compiles our own kernels, each source for its instructions, and links them with TensorFlow's libraries.
 *
 * @returns what went wrong, with the compiler's output. Null: the addon is there
 */
export async function buildKernels(build: AddonBuild): Promise<string | null> {
  const { compiler, sources, output, signal } = build
  const names = (await readdir(sources)).filter((name) => name.endsWith(".cc"))
  const objects = await mkdtemp(join(dirname(output), "kernels-"))
  const run = (args: readonly string[]): Promise<CommandResult> => runCommand(compiler, args, { signal })
  try {
    const results = await Promise.all(
      names.map((name) => {
        const flags = ["-O3", "-fvisibility=hidden", ...sourceArguments(build), ...instructionFlags(name)]
        return run([...flags, "-c", join(sources, name), "-o", join(objects, `${name}.o`)])
      }),
    )
    const failed = results.find(({ code }) => code !== 0)
    const objectPaths = names.map((name) => join(objects, `${name}.o`))
    const last = failed ?? (await run(addonArguments(build, [...objectPaths, "-lpthread"])))
    return last.code === 0 ? null : `${compiler} could not build them. Its output:\n${lastLines(last, 12)}`
  } finally {
    await rm(objects, { recursive: true, force: true })
  }
}

function instructionFlags(name: string): readonly string[] {
  return INSTRUCTIONS.find(([end]) => name.endsWith(end))?.[1] ?? []
}
