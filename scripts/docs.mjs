#!/usr/bin/env node
// Writes the API reference of every package into docs/reference, a page for each entry: npm run docs. Run after a build.
// Exits 1 on any warning: a broken link, or an unknown tag.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Application, Converter } from "typedoc"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Entries that are for this repository alone. */
const INTERNAL = ["@lllite/core/reference"]

/** Source files of every entry with types, by the entry's name. */
const entries = new Map(
  readdirSync(join(root, "packages")).flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"))
    return Object.entries(exports)
      .filter(
        ([entry, target]) => (target.import ?? target).types !== undefined && !INTERNAL.includes(join(name, entry)),
      )
      .map(([entry]) => {
        const candidates = [join("src", entry, "index.ts"), join("src", `${entry}.ts`), join(entry, "index.ts")]
        const file = candidates.map((path) => join(root, "packages", folder, path)).find(existsSync)
        if (file === undefined) throw new Error(`no source of ${name} ${entry}: looked for ${candidates.join(", ")}`)
        return [file, join(name, entry)]
      })
  }),
)

const app = await Application.bootstrap({
  name: "LLLite",
  entryPoints: [...entries.keys()],
  tsconfig: join(root, "scripts/tsconfig.docs.json"),
  // Sources, so that a type of one package is the same type in another.
  compilerOptions: { paths: Object.fromEntries([...entries].map(([file, name]) => [name, [file]])) },
  out: join(root, "docs/reference"),
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  hideGenerator: true,
  githubPages: false,
  // Types that no entry exports are shown where they are used. docs/api lists them.
  validation: {
    notExported: false,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
})

app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.children ?? []) {
    const [source] = module.sources ?? []
    const name = source && entries.get(source.fullFileName)
    if (name !== undefined) module.name = name
  }
})

const project = await app.convert()
if (project === undefined) process.exit(1)
app.validate(project)
await app.generateOutputs(project)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
