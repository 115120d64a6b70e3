import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll } from "vitest"

/* Runs of the built command `train`, for tests. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

/** A folder of pairs for the tests of a file, which is removed after them. Default: three pairs */
export function drawnPairs(prefix: string, count = 3): () => string {
  let folder = ""
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), prefix))
    for (const name of ["images", "controls"]) {
      await mkdir(join(folder, name))
      for (let i = 1; i <= count; i++) {
        await writePng(join(folder, name, `${i}.png`), blankImage(64, 64, [(40 * i) % 256, 20, 90]))
      }
    }
  })
  afterAll(() => rm(folder, { recursive: true }))
  return () => folder
}

/** A run of the command that has ended. */
export interface Ended {
  readonly code: number | null
  /** The lines of JSON on stdout. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  /** When each of these lines came, in milliseconds after the start. */
  readonly times: readonly number[]
  readonly stderr: string
}

/** When a run is killed. */
export interface Kill {
  /** Milliseconds after its start, or after the step. */
  readonly after: number
  /** The step that the run reports before the milliseconds count. It is saved then. */
  readonly step?: number
  /** Default: SIGKILL */
  readonly signal?: NodeJS.Signals
}

/**
 * Trains on the tiny model with the built command.
 *
 * @param folder of `drawnPairs`. Null: `more` names the data set
 * @param kill when the process is killed. Default: never
 * @param onEvent is called with each line of JSON on stdout
 */
export async function trainedRun(
  folder: string | null,
  out: string,
  more: readonly string[],
  kill?: Kill,
  onEvent: (event: Readonly<Record<string, unknown>>) => void = () => {},
): Promise<Ended> {
  const pairs = (path: string): readonly string[] => [
    ...["--train_data_dir", join(path, "images"), "--conditioning_data_dir", join(path, "controls")],
    ...["--resolution", "64", "--train_batch_size", "2"],
  ]
  const data = folder === null ? [] : pairs(folder)
  const shape = ["--backend", "wasm", "--output_dir", out]
  const args = ["train", "--pretrained_model_name_or_path", "tiny", ...data, ...shape, ...more]
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  const output = { stdout: "", stderr: "" }
  const events: Record<string, unknown>[] = []
  const times: number[] = []
  const start = performance.now()
  const isEvent = (line: string): boolean => line.startsWith("{") && line.endsWith("}")
  const keepEvents = (): void => {
    const lines = output.stdout.split("\n")
    output.stdout = lines.pop() ?? ""
    for (const line of lines.filter(isEvent)) {
      const event = JSON.parse(line)
      events.push(event)
      times.push(performance.now() - start)
      onEvent(event)
    }
  }
  let timer: NodeJS.Timeout | undefined
  const killLater = (): void => {
    if (kill !== undefined) timer ??= setTimeout(() => child.kill(kill.signal ?? "SIGKILL"), kill.after)
  }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text
      keepEvents()
      if (events.some(({ phase, done }) => phase === "train" && done === kill?.step)) killLater()
    })
  }
  if (kill?.step === undefined) killLater()
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  clearTimeout(timer)
  return { code, events, times, stderr: output.stderr }
}

/**
 * The step, the loss and the rates of every line in the newest log of a folder. Times and memory are left out. A run that
 * was killed early leaves a log without lines.
 */
export async function loggedSteps(loggingDir: string): Promise<readonly unknown[]> {
  const names = (await readdir(loggingDir)).sort()
  const texts = await Promise.all(
    names.map((name) => readFile(join(loggingDir, name, "steps.jsonl"), "utf8").catch(() => "")),
  )
  const lines =
    texts
      .findLast((text) => text !== "")
      ?.trimEnd()
      .split("\n") ?? []
  return lines.map((line) => ({ ...JSON.parse(line), seconds: null, memoryMiB: null, deviceMiB: null }))
}

/** Every file of a run by its path, with the SHA-256 of its bytes. A report has times. */
export async function filesOf(out: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true })
  const isKept = (entry: { isFile(): boolean; readonly name: string }): boolean =>
    entry.isFile() && !entry.name.endsWith("-report.html")
  const files = entries.filter(isKept).map((entry) => join(entry.parentPath, entry.name))
  const named = files.map(async (path) => [path.slice(out.length), sha256(await readFile(path))] as const)
  return new Map((await Promise.all(named)).sort(([a], [b]) => a.localeCompare(b)))
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}
