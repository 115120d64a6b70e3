/*
 * What it takes to look into files: an SDXL checkpoint of 6.9 GB (sparse: nothing but its header is written) and an
 * LLLite of 44 MB. Time is this process's CPU time, so that other work on the machine does not count; heap and memory
 * are what opening adds.
 *
 *   node --expose-gc packages/format/bench/inspect.ts
 */
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { identify } from "../src/identify/index.ts"
import type { ByteSource } from "../src/index.ts"
import { enumerateSites, openSafetensors, readLllite, SDXL_LAYOUT, siteTensorShapes } from "../src/index.ts"

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
