#!/usr/bin/env node
// Installs the packed packages as strangers do, with every package manager, and uses them: ES modules, CommonJS, TypeScript
// 5.0 to 7, bundlers of pages, a bundle for Node, Bun and Deno. Run after a build. It needs the npm registry, and takes
// minutes. Arguments name the projects to run. Sizes are printed as JSON with --sizes.
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { openPage } from "./matrix/open-page.mjs"
import * as program from "./matrix/programs.mjs"
import { packPackages, serveRegistry } from "./matrix/registry.mjs"

const root = fileURLToPath(new URL("..", import.meta.url))
const work = mkdtempSync(join(tmpdir(), "lllite-matrix-"))
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith("-"))
const packages = packPackages(root, made(join(work, "archives")))
const registry = await serveRegistry(packages)
const manifests = [...packages.values()].map(({ manifest }) => manifest)

const TFJS = manifests.find(({ name }) => name === "@lllite/runtime-node").dependencies["@tensorflow/tfjs-core"]
/** What is not ours, by exact version. Newer ones are tried by changing a line here. */
const TOOLS = {
  yarn: "@yarnpkg/cli-dist@4.18.1",
  yarn1: "yarn@1.22.22",
  bun: "@oven/bun-linux-x64@1.4.5",
  deno: "@deno/linux-x64-glibc@2.9.6",
  esbuild: "esbuild@0.28.2",
  vite: "vite@8.3.8",
  webpack: "webpack@5.113.0",
  rollup: "rollup@4.68.8",
  rollupResolve: "@rollup/plugin-node-resolve@16.0.3",
}
/**
 * Versions whose own types of the DOM contradict the types of WebGPU that TensorFlow.js 4.22.0 brings (@webgpu/types
 * 0.1.38): 5.0 lacks VideoFrame, and 6.0 and 7.0 have WebGPU themselves. There, declarations are not checked.
 */
const SKIPS_LIBRARIES = ["5.0", "6.0", "7.0"]
const TYPESCRIPTS = ["5.0", "5.4", "5.7", "5.9", "6.0", "7.0"]

/** The folder of the project with all packages, once it is made. */
let shared = null
/** The folders of tools, by their names. */
const toolFolders = new Map()

/** What the registry does not give for this machine. */
class Missing extends Error {}

/** Everything that a stranger may ask for. */
const RUNTIMES = ["@lllite/cli", "@lllite/runtime-node", "@lllite/core", "@lllite/format"]
const MODULES = ["@lllite/tiny", "@lllite/wasm", "@lllite/webgpu"]
/** What these ask their user for. Yarn installs no peers by itself. */
const PEERS = ["core", "backend-wasm", "backend-webgpu"].map((name) => `@tensorflow/tfjs-${name}@${TFJS}`)

const projects = {
  npm: async () => {
    const folder = project("npm")
    await npm(folder, ["install", ...RUNTIMES, ...MODULES])
    await node(folder, "use.mjs", program.ESM)
    await node(folder, "use.cjs", program.CJS)
    await command(folder, join(folder, "node_modules/.bin/lllite"), [])
    return sizeOf(folder)
  },
  "npm, the command alone": async () => {
    const folder = project("npm-cli")
    await npm(folder, ["install", "@lllite/cli"])
    await command(folder, join(folder, "node_modules/.bin/lllite"), [])
    return sizeOf(folder)
  },
  "npm, with all of TensorFlow.js": async () => {
    const folder = project("npm-union")
    await npm(folder, [
      "install",
      "@lllite/runtime-node",
      "@lllite/core",
      `@tensorflow/tfjs@${TFJS}`,
      `@tensorflow/tfjs-core@${TFJS}`,
    ])
    await node(folder, "use.mjs", program.UNION)
    return sizeOf(folder)
  },
  pnpm: async () => {
    const folder = project("pnpm")
    await run(folder, join(root, "node_modules/.bin/pnpm"), ["add", ...RUNTIMES, ...MODULES])
    await node(folder, "use.mjs", program.ESM)
    await node(folder, "use.cjs", program.CJS)
    await command(folder, join(folder, "node_modules/.bin/lllite"), [])
  },
  "yarn, Plug'n'Play": () => yarn("pnp"),
  "yarn, node_modules": () => yarn("node-modules"),
  "yarn 1": async () => {
    const folder = project("yarn1")
    const yarn1 = await tool("yarn1", "yarn/bin/yarn.js")
    await run(folder, process.execPath, [yarn1, "add", "--non-interactive", ...RUNTIMES, ...MODULES], {
      YARN_CACHE_FOLDER: join(folder, ".cache"),
    })
    await node(folder, "use.mjs", program.ESM)
  },
  bun: async () => {
    const folder = project("bun")
    const bun = await tool("bun", "@oven/bun-linux-x64/bin/bun")
    await run(folder, bun, ["add", ...RUNTIMES, ...MODULES], { BUN_INSTALL_CACHE_DIR: join(folder, ".cache") })
    await node(folder, "use.mjs", program.ESM)
    await expectWorks(await run(folder, bun, [written(folder, "plain.mjs", program.PLAIN)]))
  },
  deno: async () => {
    const folder = project("deno")
    const deno = await tool("deno", "@deno/linux-x64-glibc/deno")
    const environment = { DENO_DIR: join(folder, ".cache"), DENO_NO_UPDATE_CHECK: "1" }
    await run(folder, deno, ["add", ...RUNTIMES.map((name) => `npm:${name}`)], environment)
    await expectWorks(await run(folder, deno, ["run", "-A", written(folder, "plain.mjs", program.PLAIN)], environment))
  },
  ...Object.fromEntries(TYPESCRIPTS.map((version) => [`TypeScript ${version}`, () => typescript(version)])),
  "esbuild, for Node": async () => {
    const folder = await sharedProject()
    const esbuild = await tool("esbuild", "esbuild/bin/esbuild")
    const main = written(folder, "bundled.mjs", program.PLAIN)
    const externals = ["--external:sharp", "--external:@tensorflow/*", "--external:webgpu"]
    for (const [format, file] of [
      ["esm", "bundle/main.mjs"],
      ["cjs", "bundle/main.cjs"],
    ]) {
      await run(folder, process.execPath, [
        esbuild,
        main,
        "--bundle",
        "--platform=node",
        `--format=${format}`,
        `--outfile=${file}`,
        ...externals,
        "--log-level=error",
      ])
      await expectWorks(await run(folder, process.execPath, [file]))
    }
    // Where the package is not installed, a sentence says what to do.
    const lonely = made(join(work, "lonely"))
    cpSync(join(folder, "bundle"), lonely, { recursive: true })
    for (const name of [
      "@tensorflow",
      "sharp",
      "long",
      "seedrandom",
      "node-fetch",
      "whatwg-url",
      "tr46",
      "webidl-conversions",
    ]) {
      cpSync(join(folder, "node_modules", name), join(lonely, "node_modules", name), { recursive: true })
    }
    const said = await run(lonely, process.execPath, ["main.mjs"]).catch(({ message }) => message)
    if (!said.includes("--packages=external")) throw new Error(`a bundle without the package says: ${said}`)
  },
  vite: async () => {
    const folder = await pageProject("")
    await run(folder, process.execPath, [await tool("vite", "vite/bin/vite.js"), "build", "--logLevel", "error"])
    return join(folder, "dist")
  },
  webpack: async () => {
    const folder = await pageProject("")
    written(folder, "build.cjs", WEBPACK)
    await run(folder, process.execPath, ["build.cjs"], { TOOLS: join(await toolFolder("webpack"), "node_modules") })
    return join(folder, "dist")
  },
  "esbuild, for a page": async () => {
    const folder = await pageProject(', worker: () => new Worker("/lllite/worker.js", { type: "module" })')
    await run(folder, process.execPath, [
      await tool("esbuild", "esbuild/bin/esbuild"),
      "page.js",
      "--bundle",
      "--format=esm",
      "--outfile=dist/page.js",
      "--log-level=error",
    ])
    return await served(folder)
  },
  rollup: async () => {
    const folder = await pageProject(', worker: () => new Worker("/lllite/worker.js", { type: "module" })')
    const tools = await toolFolder("rollup", "rollupResolve")
    written(
      folder,
      "rollup.config.mjs",
      `
import { createRequire } from "node:module"
const resolve = createRequire(${JSON.stringify(join(tools, "x.js"))})("@rollup/plugin-node-resolve").nodeResolve
export default { input: "page.js", output: { file: "dist/page.js", format: "es" }, plugins: [resolve({ browser: true })] }
`,
    )
    await run(folder, process.execPath, [join(tools, "node_modules/rollup/dist/bin/rollup"), "-c", "--silent"])
    return await served(folder)
  },
}

const WEBPACK = `
const { createRequire } = require("node:module")
const webpack = createRequire(process.env.TOOLS + "/x.js")("webpack")
webpack({
  mode: "production", entry: "./page.js", context: __dirname, performance: false,
  output: { path: __dirname + "/dist", filename: "page.js", publicPath: "/" },
}, (error, stats) => {
  const problems = error ? [error.message] : [...stats.compilation.errors, ...stats.compilation.warnings].map((each) => each.message)
  if (problems.length > 0) { console.error(problems.join("\\n")); process.exit(1) }
  require("node:fs").copyFileSync("index.html", "dist/index.html")
})
`

/** Projects that make a page, which is then opened. */
const PAGES = new Set(["vite", "webpack", "esbuild, for a page", "rollup"])

let failed = 0
let skipped = 0
let passed = 0
try {
  for (const [name, attempt] of Object.entries(projects)) {
    if (asked.length > 0 && !asked.some((part) => name.includes(part))) continue
    const start = performance.now()
    const seconds = () => `${((performance.now() - start) / 1000).toFixed(0)} s`
    try {
      const result = await attempt()
      const opened = PAGES.has(name) ? await openPage(root, result) : null
      const size = typeof result === "object" ? `, ${result.megabytes} MB and ${result.packages} packages` : ""
      passed += 1
      console.log(
        `${name.padEnd(32)} works${opened === "not opened" ? ", builds; there is no Chromium to open it" : ""}${size} (${seconds()})`,
      )
    } catch (error) {
      if (error instanceof Missing) {
        skipped += 1
        console.log(`!! ${name.padEnd(29)} NOT RUN: ${error.message}`)
      } else {
        failed += 1
        console.log(`${name.padEnd(32)} FAILS (${seconds()}): ${error.message}`)
      }
    }
  }
} finally {
  registry.close()
  rmSync(work, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 ? 1 : 0

function made(folder) {
  mkdirSync(folder, { recursive: true })
  return folder
}

function written(folder, name, text) {
  writeFileSync(join(folder, name), text)
  return name
}

/** An empty project that finds this project's packages in the registry. */
function project(name) {
  const folder = made(join(work, name))
  written(folder, "package.json", '{ "name": "stranger", "private": true, "type": "module" }\n')
  written(folder, ".npmrc", `@lllite:registry=${registry.address}\n`)
  return folder
}

/** A project with all packages, for those that only build. */
async function sharedProject() {
  if (shared === null) {
    const folder = project("shared")
    await npm(folder, ["install", ...packages.keys(), "@types/node@20"])
    shared = folder
  }
  return shared
}

/** A page in a folder of the shared project's, with its packages. */
async function pageProject(workerOption) {
  const folder = made(join(await sharedProject(), `page-${readdirSync(await sharedProject()).length}`))
  written(folder, "page.js", program.page(workerOption))
  written(folder, "index.html", '<!doctype html><title>starts</title><script type="module" src="/page.js"></script>')
  written(folder, "vite.config.js", 'export default { worker: { format: "es" }, build: { target: "es2022" } }')
  return folder
}

/** Puts the page's files and the package's folder beside a bundle. */
async function served(folder) {
  cpSync(join(folder, "index.html"), join(folder, "dist/index.html"))
  cpSync(join(await sharedProject(), "node_modules/@lllite/runtime-web/dist"), join(folder, "dist/lllite"), {
    recursive: true,
  })
  return join(folder, "dist")
}

/** A folder with tools. Their install scripts are not run. */
async function toolFolder(...names) {
  const key = names.join(" ")
  if (!toolFolders.has(key)) {
    const folder = project(`tools-${toolFolders.size}`)
    try {
      await npm(folder, ["install", "--ignore-scripts", ...names.map((name) => TOOLS[name])])
    } catch (error) {
      throw new Missing(
        `${names.map((name) => TOOLS[name]).join(" ")} cannot be installed: ${error.message.split("\n")[0]}`,
      )
    }
    toolFolders.set(key, folder)
  }
  return toolFolders.get(key)
}

async function tool(name, path) {
  const file = join(await toolFolder(name), "node_modules", path)
  if (!existsSync(file)) throw new Missing(`${TOOLS[name]} has nothing for this machine`)
  return file
}

function npm(folder, args) {
  return run(folder, "npm", [...args, "--no-audit", "--no-fund", "--prefer-offline"])
}

/**
 * Runs a program. Its output is the error if it fails. The registry is in this process, so the call must not block.
 */
function run(cwd, file, args, environment = {}) {
  const env = { ...process.env, ...environment }
  for (const name of Object.keys(env)) if (/^npm_|^PNPM_|^INIT_CWD$|^NODE_OPTIONS$/.test(name)) delete env[name]
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd, env, encoding: "utf8", maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else
        reject(
          new Error(
            `${file.split("/").at(-1)} ${args[0] ?? ""} ended with ${error.code}: ${tail(`${stdout}\n${stderr}`)}`,
          ),
        )
    })
  })
}

function tail(text) {
  return text.trim().split("\n").slice(-25).join("\n")
}

function expectWorks(output) {
  if (!/^works$/m.test(output)) throw new Error(`it says: ${tail(output)}`)
}

async function node(folder, name, text) {
  await expectWorks(await run(folder, process.execPath, [written(folder, name, text)]))
}

/** Runs the command, on a file that it brings. */
async function command(folder, file, before) {
  const said = await run(folder, file, [
    ...before,
    "generate",
    "--ckpt",
    "tiny",
    "--prompt",
    "a red star",
    "--W",
    "64",
    "--H",
    "64",
    "--steps",
    "1",
    "--outdir",
    "pictures",
    "--backend",
    "wasm",
  ])
  if (!existsSync(join(folder, "pictures"))) throw new Error(`the command drew nothing: ${said}`)
}

async function yarn(linker) {
  const folder = project(`yarn-${linker}`)
  const host = new URL(registry.address).hostname
  written(
    folder,
    ".yarnrc.yml",
    `nodeLinker: ${linker}
enableTelemetry: false
enableScripts: true
enableGlobalCache: false
pnpFallbackMode: none
unsafeHttpWhitelist: ["${host}"]
npmScopes: { lllite: { npmRegistryServer: "${registry.address}" } }
`,
  )
  written(folder, "yarn.lock", "")
  const yarnpkg = await tool("yarn", "@yarnpkg/cli-dist/bin/yarn.js")
  const environment = { YARN_ENABLE_IMMUTABLE_INSTALLS: "false" }
  const said = await run(folder, process.execPath, [yarnpkg, "add", ...RUNTIMES, ...MODULES, ...PEERS], environment)
  const lacking = said.split("\n").filter((line) => /YN0002|YN0086/.test(line) && line.includes("@lllite"))
  if (lacking.length > 0) throw new Error(`peers are lacking: ${lacking.join("\n")}`)
  await expectWorks(
    await run(folder, process.execPath, [yarnpkg, "node", written(folder, "use.mjs", program.ESM)], environment),
  )
  await expectWorks(
    await run(folder, process.execPath, [yarnpkg, "node", written(folder, "use.cjs", program.CJS)], environment),
  )
}

async function typescript(version) {
  const folder = await sharedProject()
  const tools = project(`typescript-${version}`)
  await npm(tools, ["install", `typescript@~${version}.0`])
  const name = `every-${version.replace(".", "-")}`
  written(folder, `${name}.mts`, program.everyEntry(manifests))
  for (const [module, moduleResolution] of [
    ["NodeNext", "NodeNext"],
    ["ESNext", "Bundler"],
  ]) {
    const compilerOptions = {
      module,
      moduleResolution,
      target: "ES2022",
      strict: true,
      skipLibCheck: SKIPS_LIBRARIES.includes(version),
      noEmit: true,
      types: ["node"],
    }
    written(folder, `${name}.json`, JSON.stringify({ compilerOptions, files: [`${name}.mts`] }))
    await run(folder, join(tools, "node_modules/.bin/tsc"), ["-p", `${name}.json`])
  }
}

function sizeOf(folder) {
  const modules = join(folder, "node_modules")
  let bytes = 0
  let packages = 0
  const visit = (path, depth) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const at = join(path, entry.name)
      if (entry.isDirectory()) visit(at, depth + 1)
      else if (entry.isFile()) bytes += statSync(at).size
      if (entry.name === "package.json" && /node_modules\/(@[^/]+\/)?[^/]+$/.test(dirname(at))) packages += 1
    }
  }
  visit(modules, 0)
  return { megabytes: Math.round(bytes / 1e6), packages }
}
