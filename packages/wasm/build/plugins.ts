import { readFile } from "node:fs/promises"
import type { Options } from "tsup"
import type { Plugin as VitePlugin } from "vite"
import { compileKernels, type Instructions, kernelSources } from "./compile.ts"

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number]

/** Name that imports the compiled kernels: a module that exports both builds in base64. */
const NAME = "lllite-wasm:kernels"

/** For tsup: compiles the kernels into the bundle. */
export function kernelsForEsbuild(): EsbuildPlugin {
  return {
    name: NAME,
    setup(build) {
      build.onResolve({ filter: /^lllite-wasm:kernels$/ }, ({ path }) => ({ path, namespace: NAME }))
      build.onLoad({ filter: /.*/, namespace: NAME }, async () => ({
        contents: await moduleText(),
        watchFiles: await kernelSources(),
      }))
    },
  }
}

/** For Vite and Vitest: compiles the kernels when sources are served. */
export function kernelsForVite(): VitePlugin {
  return {
    name: NAME,
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    async load(id) {
      if (id !== `\0${NAME}`) return null
      for (const file of await kernelSources()) this.addWatchFile(file)
      return moduleText()
    },
  }
}

interface Compiled {
  readonly sources: string
  readonly text: Promise<string>
}

/** The last result. A build in several formats needs the same kernels once for each format. */
let last: Compiled | null = null

async function moduleText(): Promise<string> {
  const files = await kernelSources()
  const sources = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("")
  if (last?.sources !== sources) last = { sources, text: compiledText() }
  return last.text
}

async function compiledText(): Promise<string> {
  const build = async (name: string, instructions: Instructions): Promise<string> =>
    `export const ${name} = "${Buffer.from(await compileKernels(instructions)).toString("base64")}"\n`
  return (await build("simd", "simd")) + (await build("relaxedSimd", "relaxed-simd"))
}
