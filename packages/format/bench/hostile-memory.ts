/*
 * Time and memory of opening the worst possible files: headers of 100 MB, each full of one kind of content. Each file is
 * written to a temporary folder and opened in a separate process.
 *
 *   node packages/format/bench/hostile-memory.ts           all of them
 *   node packages/format/bench/hostile-memory.ts NAME      one of them
 */
import { spawnSync } from "node:child_process"
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { FormatError } from "../src/errors.ts"
import { openSafetensors } from "../src/safetensors/read.ts"
import type { ByteSource } from "../src/source.ts"

const LIMIT = 100_000_000

/** A header in pieces, and how many bytes of data follow. */
interface WorstFile {
  readonly header: () => Generator<string>
  readonly data?: number
}

/** Entries until the header is as long as it may be; `entry` gets a number and where the data of the last one ended. */
function* full(entry: (index: number) => string, before = "{"): Generator<string> {
  let length = before.length
  yield before
  for (let index = 0; ; index++) {
    const text = entry(index)
    if (length + text.length + 100 > LIMIT) break
    length += text.length
    yield text
  }
  yield '"\\ud83d\\ude00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
}

const tensor = (name: string, begin: number, end: number): string =>
  `"${name}":{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]},`

/** Legal, or with one thing wrong at the very end. */
const FILES: Readonly<Record<string, WorstFile>> = {
  "1.8 million empty tensors": { header: () => full((i) => tensor(i.toString(36), 0, 0)) },
  "1.5 million tensors of one byte, last one first": {
    header: function* () {
      yield "{"
      for (let i = 1_499_999; i >= 0; i--) yield tensor(i.toString(36), i, i + 1)
      yield '"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
    },
    data: 1_500_000,
  },
  "10 million tensors on the same byte": {
    header: () => full((i) => tensor(i.toString(36), 0, 1)),
    data: 1_000_000_000,
  },
  "a name of 100 MB": { header: () => full(() => "n".repeat(1_000_000), '{"') },
  "a name of 15 MB": {
    header: function* () {
      yield `{"${"n".repeat(15_000_000)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`
    },
  },
  "names of 1,000 letters": { header: () => full((i) => tensor(`${i}`.padEnd(1000, "n"), 0, 0)) },
  "a metadata value of 100 MB": { header: () => full(() => "v".repeat(1_000_000), '{"__metadata__":{"k":"') },
  "9 million metadata keys": { header: () => full((i) => `"${i.toString(36)}":"",`, '{"__metadata__":{') },
  "metadata values of 100,000 bytes": {
    header: () => full((i) => `"${i}":"${"v".repeat(100_000)}",`, '{"__metadata__":{'),
  },
  "100 MB of spaces": { header: () => full(() => " ".repeat(1_000_000), "{") },
  "100 MB of opening brackets": { header: () => full(() => "[".repeat(1_000_000), '{"t":') },
  "100 MB of digits": { header: () => full(() => "9".repeat(1_000_000), '{"t":{"dtype":"U8","shape":[') },
  "100 MB of escapes": { header: () => full(() => "\\u0041".repeat(100_000), '{"') },
  "100 MB of zeros": { header: () => full(() => "\0".repeat(1_000_000), "") },
}

const self = fileURLToPath(import.meta.url)
const [task, path = "", name = ""] = process.argv.slice(2)
if (task === "--write") write(path, name)
else if (task === "--open") console.log(JSON.stringify(await open(path)))
else if (task === undefined) await measureAll(Object.keys(FILES))
else await measureAll([task])

/** What one file cost: seconds, and MiB of resident memory above what the process had before. */
interface Figures {
  readonly verdict: string
  readonly seconds: number
  readonly extraMiB: number
}

async function measureAll(names: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lllite-hostile-"))
  try {
    for (const name of names) {
      const file = join(folder, "hostile.safetensors")
      run("--write", file, name)
      const { verdict, seconds, extraMiB } = JSON.parse(run("--open", file)) as Figures
      console.log(`${name.padEnd(46)} ${seconds.toFixed(1)} s ${extraMiB.toFixed(0).padStart(5)} MiB  ${verdict}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Each file is made in one process and opened in another. */
function run(...args: readonly string[]): string {
  const child = spawnSync(process.execPath, [self, ...args], { encoding: "utf8" })
  if (child.status !== 0) throw new Error(child.stderr)
  return child.stdout
}

function write(path: string, name: string): void {
  const file = FILES[name]
  if (file === undefined) throw new RangeError(`there is no "${name}", but: ${Object.keys(FILES).join(", ")}`)
  const handle = openSync(path, "w")
  let length = 0
  let pending: string[] = []
  const flush = (): void => {
    length += writeSync(handle, pending.join(""), 8 + length)
    pending = []
  }
  for (const text of file.header()) if (pending.push(text) === 10_000 || text.length >= 100_000) flush()
  flush()
  const first = Buffer.alloc(8)
  first.writeBigUInt64LE(BigInt(length))
  writeSync(handle, first, 0, 8, 0)
  ftruncateSync(handle, 8 + length + (file.data ?? 0))
  closeSync(handle)
}

async function open(path: string): Promise<Figures> {
  const handle = openSync(path, "r")
  const source: ByteSource = {
    size: statSync(path).size,
    label: "hostile",
    read: async (start, end) => {
      const bytes = new Uint8Array(end - start)
      return bytes.subarray(0, readSync(handle, bytes, 0, end - start, start))
    },
    readInto: async (target, start) => readSync(handle, target, 0, target.length, start),
  }
  await openSafetensors(new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]))
  const before = process.resourceUsage().maxRSS
  const cpu = process.cpuUsage()
  const verdict = await openSafetensors(source).then(
    ({ tensors, metadata }) => `${tensors.size} tensors, ${metadata.size} metadata`,
    (error: unknown) =>
      error instanceof FormatError ? `${error.code}: ${error.message.slice(0, 120)}` : `a bug: ${String(error)}`,
  )
  const { user, system } = process.cpuUsage(cpu)
  return { verdict, seconds: (user + system) / 1e6, extraMiB: (process.resourceUsage().maxRSS - before) / 1024 }
}
