import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, relative, resolve } from "node:path"
import { build } from "esbuild"
import type { Options } from "tsup"
import type { Plugin as VitePlugin } from "vite"

/*
 * TensorFlow.js registers the gradients of its kernels in a file that its core's entry does not export. Node cannot
 * load that file beside the entry: it is written for bundlers, and would bring a second copy of the core. So the file
 * is bundled here, and all that the entry exports is imported from the entry.
 */

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number]

/** Name that imports the gradients. The module registers them when it is loaded. */
const NAME = "lllite-core:gradients"

const CORE = "@tensorflow/tfjs-core"

const require = createRequire(import.meta.url)

/** For tsup: compiles the gradients into the bundle. */
export function gradientsForEsbuild(): EsbuildPlugin {
  return {
    name: NAME,
    setup(build) {
      build.onResolve({ filter: /^lllite-core:gradients$/ }, ({ path }) => ({ path, namespace: NAME }))
      build.onLoad({ filter: /.*/, namespace: NAME }, async () => ({
        contents: await gradients(),
        resolveDir: import.meta.dirname,
      }))
    },
  }
}

/** For Vite and Vitest: compiles the gradients when sources are served. */
export function gradientsForVite(): VitePlugin {
  return {
    name: NAME,
    // The module has no folder. What it imports is found from here.
    resolveId(id, importer) {
      if (id === NAME) return `\0${NAME}`
      return importer === `\0${NAME}` ? this.resolve(id, import.meta.filename) : null
    },
    load: (id) => (id === `\0${NAME}` ? gradients() : null),
  }
}

let bundled: Promise<string> | null = null

function gradients(): Promise<string> {
  bundled ??= bundle()
  return bundled
}

/** Modules whose exports the entry gives in another form. */
const REPLACED: Readonly<Record<string, string>> = {
  "engine.js": `import { engine } from "${CORE}"\nexport const ENGINE = engine()`,
  "environment.js": `export { env } from "${CORE}"`,
  "tensor.js": `import { Tensor } from "${CORE}"\nexport { Tensor }\nexport const getGlobalTensorClass = () => Tensor`,
}

/** Modules that only collect exports of the entry. */
const COLLECTIONS = new Set(["base.js", "ops/ops.js"])

/** Files that register something. Methods of tensors are registered by `@tensorflow/tfjs` alone. Two gradients call them. */
const REGISTERING = [
  "register_all_gradients.js",
  ...["reshape", "slice", "split"].map((method) => `public/chained_ops/${method}.js`),
]

/** Exports of the entry that hold the exports of several modules. */
const NAMESPACES = ["util", "backend_util", "broadcast_util", "slice_util"] as const

async function bundle(): Promise<string> {
  const dist = dirname(require.resolve(CORE))
  const exported = require(CORE) as Readonly<Record<string, object>>
  const { outputFiles } = await build({
    // Bundlers may leave out a module without exports that are used.
    stdin: {
      contents: `${REGISTERING.map((file) => `import "./${file}"\n`).join("")}export const areRegistered = true`,
      resolveDir: dist,
    },
    bundle: true,
    format: "esm",
    write: false,
    minifyWhitespace: true,
    legalComments: "none",
    plugins: [
      {
        name: NAME,
        setup(build) {
          build.onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
            if (!path.startsWith(".")) return { path, external: true, sideEffects: false }
            const file = resolve(resolveDir, path.endsWith(".js") ? path : `${path}.js`)
            const name = nameIn(dist, file)
            if (COLLECTIONS.has(name)) return { path: CORE, external: true, sideEffects: false }
            return { path: file, sideEffects: REGISTERING.includes(name) }
          })
          build.onLoad({ filter: /\.js$/ }, async ({ path }) => {
            const contents = REPLACED[nameIn(dist, path)] ?? reExports(await readFile(path, "utf8"), exported)
            return contents === null ? null : { contents }
          })
        },
      },
    ],
  })
  return outputFiles.map(({ text }) => text).join("")
}

function nameIn(folder: string, path: string): string {
  return relative(folder, path).replaceAll("\\", "/")
}

/** The module as exports of the entry. Null if the entry lacks one of them, or if the module has none. */
function reExports(source: string, exported: Readonly<Record<string, object>>): string | null {
  const names = [...source.matchAll(/^export (?:const|let|var|class|function|async function) (\w+)/gm)].map(
    ([, name = ""]) => name,
  )
  for (const [, list = ""] of source.matchAll(/^export \{([^}]*)\}/gm)) {
    names.push(...list.split(",").map((part) => part.trim().replace(/^.*\sas\s+/, "")))
  }
  const lines = [...source.matchAll(/^export \* from '(.*)'/gm)].map(([, from]) => `export * from "${from}"`)
  for (const name of names) {
    const holder = NAMESPACES.find((each) => Object.hasOwn(exported[each] ?? {}, name))
    if (Object.hasOwn(exported, name)) lines.push(`export { ${name} } from "${CORE}"`)
    else if (holder === undefined) return null
    else
      lines.push(`import { ${holder} as ${name}Holder } from "${CORE}"\nexport const ${name} = ${name}Holder.${name}`)
  }
  return lines.length === 0 ? null : lines.join("\n")
}
