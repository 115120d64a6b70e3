import { spawn } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { writeAtomically } from "../src/files/atomic-write.ts"

/** The result of killing writers. */
export interface KillResult {
  readonly kills: number
  /** Saves that a writer had reported as finished. */
  readonly acknowledged: number
  /** Kills that left a temporary file. */
  readonly abandoned: number
  /** Kills after which the file was not one whole save. */
  readonly corrupt: number
  /** Kills after which the file was older than the last acknowledged save. */
  readonly lost: number
  /** Other files in the folder after one more save. */
  readonly litter: readonly string[]
}

const writer = fileURLToPath(new URL("endless-writer.ts", import.meta.url))

/**
 * Starts a program that saves one file again and again. Kills it without warning at a random moment, and checks the
 * files that it left. Repeats this for every kill.
 */
export async function killWriters(folder: string, kills: number): Promise<KillResult> {
  const path = join(folder, "saved")
  let [acknowledged, abandoned, corrupt, lost, newest] = [0, 0, 0, 0, 0]
  for (let kill = 0; kill < kills; kill++) {
    const last = await killedAfterFirstSave(path, newest + 1)
    acknowledged += Math.max(0, last - newest)
    const there = await savedNumber(path)
    if (there === null) corrupt++
    else if (there < last) lost++
    newest = Math.max(last, there ?? 0)
    if ((await readdir(folder)).length > 1) abandoned++
  }
  await writeAtomically(path, contentsOf(newest + 1))
  const litter = (await readdir(folder)).filter((name) => name !== "saved")
  return { kills, acknowledged, abandoned, corrupt, lost, litter }
}

/** The contents of save number n: the number, repeated many times, so that a mixed file is noticed. */
export function contentsOf(n: number): Uint8Array {
  return new Uint8Array(new Uint32Array(2 ** 16).fill(n).buffer)
}

async function savedNumber(path: string): Promise<number | null> {
  const bytes = await readFile(path)
  if (bytes.byteLength !== 2 ** 18) return null
  const numbers = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  const [first = 0] = numbers
  return numbers.every((number) => number === first) ? first : null
}

/** Runs a writer that begins with save number `from`, and kills it during one of the saves after the first. */
async function killedAfterFirstSave(path: string, from: number): Promise<number> {
  const child = spawn(process.execPath, [writer, path, String(from)], { stdio: ["ignore", "pipe", "inherit"] })
  let last = from - 1
  let output = ""
  let timer: NodeJS.Timeout | undefined
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text
    const lines = output.split("\n")
    output = lines.pop() ?? ""
    last = Number(lines.at(-1) ?? last)
    timer ??= setTimeout(() => child.kill("SIGKILL"), 200 * Math.random())
  })
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  clearTimeout(timer)
  if (code !== null) throw new Error(`the writer ended by itself with ${code}`)
  return last
}
