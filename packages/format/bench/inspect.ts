/*
 * Time and memory of looking into files: an SDXL checkpoint of 6.9 GB (sparse: only its header is written) and an LLLite
 * of 44 MB. The first part runs in this process: its CPU time, and the heap that opening adds. The second part runs
 * `lllite inspect` as a whole process, after a build. It prints the least and the median of 15 runs, by the clock and in
 * CPU time, and the heap at the end.
 *
 *   node --expose-gc packages/format/bench/inspect.ts
 */
import { spawnSync } from "node:child_process"
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { identify } from "../src/identify/index.ts"
import type { ByteSource } from "../src/index.ts"
import { openSafetensors, readLllite, SDXL_LAYOUT, siteTensorShapes } from "../src/index.ts"
import { enumerateSites } from "../src/selections/index.ts"

type Shapes = Iterable<readonly [name: string, shape: readonly number[]]>

const folder = await mkdtemp(join(tmpdir(), "lllite-inspect-"))
try {
  await measure("an SDXL checkpoint", checkpointShapes(), async (source) => {
    const file = await openSafetensors(source)
    return `${file.tensors.size} tensors, ${identify(file).detail}`
  })
  await measure("an LLLite", llliteShapes(), async (source) => {
    const { sites, parameterCount } = await readLllite(source)
    return `${sites.length} sites, ${parameterCount} parameters`
  })
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(what: string, shapes: Shapes, open: (source: ByteSource) => Promise<string>): Promise<void> {
  const path = join(folder, "file.safetensors")
  write(path, shapes)
  const { size } = statSync(path)
  const handle = openSync(path, "r")
  let bytesRead = 0
  const readInto = async (target: Uint8Array, start: number): Promise<number> => {
    const count = readSync(handle, target, 0, target.length, start)
    bytesRead += count
    return count
  }
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(end - start)
    return bytes.subarray(0, await readInto(bytes, start))
  }
  globalThis.gc?.()
  const heap = process.memoryUsage().heapUsed
  const cpu = process.cpuUsage()
  const said = await open({ size, label: what, read, readInto })
  const { user, system } = process.cpuUsage(cpu)
  const added = (process.memoryUsage().heapUsed - heap) / 2 ** 20
  const figures = `${((user + system) / 1000).toFixed(0)} ms, ${added.toFixed(1)} MiB of heap, ${bytesRead} bytes read`
  console.log(`${what}, ${(size / 1e9).toFixed(2)} GB: ${figures} (${said})`)
  closeSync(handle)
  measureProcess(what, path)
}

interface ProcessFigures {
  readonly clock: number
  readonly cpu: number
  readonly heap: number
}

/** `lllite inspect` from its start to its end. */
function measureProcess(what: string, path: string): void {
  const runs = Array.from({ length: 15 }, () => runInspect(path))
  const text = (figure: keyof ProcessFigures): string => {
    const sorted = runs.map((run) => run[figure]).sort((a, b) => a - b)
    return `${sorted[0]?.toFixed(0)} (median ${sorted[7]?.toFixed(0)})`
  }
  console.log(`lllite inspect of ${what}: ${text("clock")} ms, CPU ${text("cpu")} ms, heap ${text("heap")} MiB`)
}

function runInspect(path: string): ProcessFigures {
  const tell = `process.on("exit", () => {
    const { user, system } = process.cpuUsage()
    const heap = process.memoryUsage().heapTotal / 2 ** 20
    process.stderr.write(JSON.stringify({ cpu: (user + system) / 1000, heap }))
  })`
  const main = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url))
  const begun = performance.now()
  const args = ["--import", `data:text/javascript,${encodeURIComponent(tell)}`, main, "inspect", path]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" })
  const clock = performance.now() - begun
  if (status !== 0) throw new Error(stderr)
  return { clock, ...(JSON.parse(stderr) as Omit<ProcessFigures, "clock">) }
}

function write(path: string, shapes: Shapes): void {
  let end = 0
  const entries: string[] = []
  for (const [name, shape] of shapes) {
    const start = end
    end += 2 * shape.reduce((product, size) => product * size, 1)
    entries.push(`"${name}":{"dtype":"F16","shape":[${shape}],"data_offsets":[${start},${end}]}`)
  }
  const json = Buffer.from(`{${entries.join(",")}}`)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.byteLength))
  const handle = openSync(path, "w")
  writeSync(handle, Buffer.concat([length, json]))
  ftruncateSync(handle, 8 + json.byteLength + end)
  closeSync(handle)
}

function* llliteShapes(): Shapes {
  for (const site of enumerateSites(SDXL_LAYOUT)) {
    for (const [name, shape] of siteTensorShapes(site, { condDim: 32, mlpDim: 64 }))
      yield [`${site.key}.${name}`, shape]
  }
}

/** As many tensors as SDXL base has, 2,515, with names as long as its own and as much data. */
function* checkpointShapes(): Shapes {
  yield ["conditioner.embedders.1.model.ln_final.weight", [1280]]
  for (let i = 0; i < 2514; i++) {
    const block = `output_blocks.${i % 9}.1.transformer_blocks.${Math.floor(i / 9) % 10}`
    yield [`model.diffusion_model.${block}.attn${i % 2}.to_q.${i}.weight`, [1280, 1078]]
  }
}
