#!/usr/bin/env node
// Compares this implementation with the reference's numbers:
//   pnpm reference [DIR] [--only NAME] [--backend NAME] [--weights FORMAT] [--precision NAME] [--json] [--help]
// DIR has NAME.json and NAME.safetensors. Default: ../shared/reference, or reference/ if that is missing. Exits 1 if any case fails.
import { access, readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { createTokenizer } from "../packages/core/dist/models.js"
import * as run from "../packages/core/dist/reference.js"
import { fromBytes, openSafetensors } from "../packages/format/dist/index.js"
import { startBackend } from "../packages/runtime-node/dist/index.js"
import { NODE_BACKENDS, PRECISIONS, WEIGHT_DTYPES } from "../packages/runtime-node/dist/machine.js"

const usage =
  "usage: pnpm reference [DIR] [--only NAME] [--backend NAME] [--weights FORMAT] [--precision NAME] [--json]"

/** How each case runs. `full` runs only if it is named: it takes minutes and many GiB. */
const suites = {
  module: async (read) => run.runModule(await read.json("module"), await read.tensors("module"), await read.ops()),
  unet: async (read) => run.runUnet(await read.json("unet"), await read.tensors("unet"), await read.ops()),
  "text-vae": async (read) =>
    run.runTextVae(await read.json("text-vae"), await read.tensors("text-vae"), await read.ops()),
  pipeline: async (read) =>
    run.runPipeline(
      await read.json("pipeline"),
      await read.json("unet"),
      await read.json("text-vae"),
      await read.tensors("pipeline"),
      await read.tokenizer(),
      await read.ops(),
    ),
  prompt: async (read) =>
    run.runPrompt(
      await read.json("prompt"),
      await read.json("text-vae"),
      await read.tensors("prompt"),
      await read.tokenizer(),
      await read.ops(),
    ),
  lora: async (read) =>
    run.runLora(
      await read.json("lora"),
      await read.json("unet"),
      await read.json("text-vae"),
      await read.tensors("lora"),
      await read.ops(),
    ),
  deepshrink: async (read) =>
    run.runDeepShrink(await read.json("deepshrink"), await read.tensors("deepshrink"), await read.ops()),
  start: async (read) => {
    await read.ops()
    return run.runStart(await read.json("start"), await read.tensors("start"))
  },
  controlnet: async (read) =>
    run.runControlNet(
      await read.json("controlnet"),
      await read.json("unet"),
      await read.tensors("controlnet"),
      await read.ops(),
    ),
  tokens: async (read) => run.runTokens(await read.json("tokens"), await read.tokenizer()),
  diffusion: async (read) => {
    await read.ops()
    return run.runDiffusion(await read.json("diffusion"), await read.tensors("diffusion"))
  },
  "lllite-train-options": async (read) =>
    run.runTrainOptions(
      await read.json("lllite-train-options"),
      await read.tensors("lllite-train-options"),
      await read.ops(),
    ),
  noise: async (read) => {
    await read.ops()
    return run.runNoise(await read.json("noise"), await read.tensors("noise"))
  },
  optimizers: async (read) => run.runOptimizers(await read.json("optimizers"), await read.tensors("optimizers")),
  rng: async (read) => run.runRng(await read.json("rng"), await read.tensors("rng")),
  samplers: async (read) => {
    await read.ops()
    return run.runSamplerGroup(await read.json("samplers"), await read.tensors("samplers"))
  },
  buckets: async (read) => run.runBuckets(await read.json("buckets")),
  captions: async (read) => run.runCaptions(await read.json("captions")),
  canny: async (read) => run.runCanny(await read.json("canny")),
  preprocess: async (read) => run.runPreprocess(await read.json("preprocess"), await read.tensors("preprocess")),
  full: async (read) => {
    if (read.backend !== "tensorflow")
      return [{ case: "full", skipped: "SDXL's real width needs --backend tensorflow" }]
    if (!read.isNamed("full"))
      return [{ case: "full", skipped: "it needs 6 to 12 GiB of memory. To run it, type: --only full" }]
    const tolerance = run.FULL_TOLERANCE[read.weights === "file" && read.precision === "F32" ? "float32" : "half"]
    return run.runFull(await read.json("full"), await read.tensors("full"), await read.ops(), tolerance)
  },
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true },
      backend: { type: "string", default: "wasm" },
      weights: { type: "string", default: "file" },
      precision: { type: "string", default: "F32" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) {
    console.log(help())
    return
  }
  if (positionals.length > 1) throw new Error(`one folder at most, got ${positionals.length}. ${usage}`)
  const only = (values.only ?? []).flatMap((names) => names.split(","))
  for (const name of only) expectOneOf("--only", name, Object.keys(suites))
  expectOneOf("--backend", values.backend, NODE_BACKENDS)
  expectOneOf("--weights", values.weights, WEIGHT_DTYPES)
  expectOneOf("--precision", values.precision, PRECISIONS)
  const here = (path) => fileURLToPath(new URL(path, import.meta.url))
  const whole = here("../../shared/reference")
  const folder = resolve(positionals[0] ?? ((await exists(whole)) ? whole : here("../reference")))
  await access(folder).catch(() => {
    throw new Error(`no folder "${folder}". Name the folder of reference cases. ${usage}`)
  })

  // The suite `full` has a tolerance for 16 bits.
  const isHalf = values.precision !== "F32"
  const read = reader(folder, values, only)
  const results = []
  for (const [name, suite] of Object.entries(suites)) {
    if (only.length > 0 && !only.includes(name)) {
      results.push({ case: name, skipped: `not asked for (--only ${only.join(",")})` })
    } else if (!(await exists(join(folder, `${name}.json`)))) {
      results.push({ case: name, skipped: `no ${name}.json in ${folder}` })
    } else {
      const found = isHalf ? run.halfResults(await suite(read)) : await suite(read)
      results.push(...found)
      if (!values.json) print(found)
    }
  }
  const compared = results.filter((result) => "ok" in result)
  const failed = compared.filter((result) => !result.ok)
  if (values.json) console.log(JSON.stringify(results.map(plain), null, 2))
  else {
    const skipped = results.filter((result) => "skipped" in result)
    for (const { case: name, skipped: why } of skipped) console.log(`not run  ${name}: ${why}`)
    console.log(`${compared.length - failed.length} passed, ${failed.length} failed, ${skipped.length} not run`)
  }
  process.exitCode = failed.length > 0 ? 1 : 0
}

function help() {
  return [
    usage,
    "Compares this implementation with the numbers in DIR, which has NAME.json and NAME.safetensors.",
    `  --only NAME       one or more of ${Object.keys(suites).join(", ")}. Default: all but full`,
    `  --backend NAME    ${NODE_BACKENDS.join(", ")}. Default: wasm`,
    `  --weights FORMAT  ${WEIGHT_DTYPES.join(", ")}. Default: file`,
    `  --precision NAME  ${PRECISIONS.join(", ")}. Default: F32. Others are compared as half precision: outputs to within 1e-2,`,
    "                    and gradients by the norm of each site to within 2 %",
    "  --json            the results as JSON",
  ].join("\n")
}

function reader(folder, { backend, weights, precision }, only) {
  const kept = new Map()
  const once = (key, make) => {
    if (!kept.has(key)) kept.set(key, make())
    return kept.get(key)
  }
  return {
    ...{ backend, weights, precision },
    isNamed: (name) => only.includes(name),
    json: (name) => once(`json ${name}`, async () => parseJson(await readFile(join(folder, `${name}.json`), "utf8"))),
    tensors: (name) =>
      once(`tensors ${name}`, async () => {
        const path = join(folder, `${name}.safetensors`)
        return openSafetensors(fromBytes(await readFile(path), path))
      }),
    tokenizer: () =>
      once("tokenizer", async () => {
        const merges = createRequire(import.meta.url).resolve("../packages/core/data/clip-merges.txt")
        return createTokenizer(await readFile(merges, "utf8"))
      }),
    ops: () =>
      once("ops", async () => {
        const options = { weights, ...(precision !== "F32" && { precision }) }
        const { ops, paths } = await startBackend(backend, options)
        for (const path of paths ?? []) console.error(path)
        return ops
      }),
  }
}

/** Python writes Infinity and NaN, which JSON has not. They become null. */
function parseJson(text) {
  return JSON.parse(text.replaceAll(/:\s*-?(?:Infinity|NaN)\b/g, ":null"))
}

function print(results) {
  for (const result of results) {
    if (!("ok" in result)) continue
    const { case: name, maxRelError, tolerance, ok } = result
    console.log(
      `${ok ? "ok    " : "FAILED"}  ${maxRelError.toExponential(1)} of ${tolerance.toExponential(0)}  ${name}`,
    )
  }
}

/** An infinite error has no JSON. */
function plain(result) {
  if (!("ok" in result)) return result
  const { norms: _, ...rest } = result
  return Number.isFinite(rest.maxRelError) ? rest : { ...rest, maxRelError: Number.MAX_VALUE }
}

function expectOneOf(option, value, allowed) {
  if (!allowed.includes(value)) throw new Error(`${option} ${value}: expected one of ${allowed.join(", ")}. ${usage}`)
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  )
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
