import { spawn } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import type { CommandInput, CommandKind, MadeFile, Task } from "@lllite/serve"
import { ServeError } from "@lllite/serve"
import type { CommandPlaces } from "./command-line.ts"
import { commandLine } from "./command-line.ts"

/** Milliseconds in which a stopped command saves its work. */
const SAVE_TIME = 120_000

/** Characters of a command's errors that are kept. */
const MOST_ERRORS = 4000

/** Characters of a command's result that are kept. */
const MOST_OUTPUT = 2 ** 24

/**
 * Runs a command in the data folder, in a process of its own. What it reports as JSON becomes progress and notices. The
 * files that it names, and what it prints besides, are its results. One that names none has a report of what it counted.
 *
 * @param program the file of the command `lllite`
 * @throws ServeError `command` with what the command said, `worker-lost` when its process was killed; the signal's reason
 */
export async function runCommand(
  program: string,
  kind: CommandKind,
  { input, folder, signal, report }: Task<CommandInput>,
  places: CommandPlaces,
): Promise<readonly MadeFile[]> {
  const dataFolder = resolve(places.dataFolder ?? "")
  const argv = await commandLine(kind, kind === "inspect" ? withJson(input) : input, places)
  signal.throwIfAborted()
  const child = spawn(process.execPath, [program, ...argv], {
    cwd: dataFolder,
    // A command of a server downloads nothing.
    env: { ...process.env, ...places.fanOut?.environment, HF_HUB_OFFLINE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const paths = new Set<string>()
  const printed: string[] = []
  let counted: Readonly<Record<string, number>> | null = null
  let [errors, length] = ["", 0]
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-MOST_ERRORS)
  })
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = eventOf(line)
    if (event === null) {
      length += line.length
      if (length <= MOST_OUTPUT) printed.push(line)
      return
    }
    const { event: name, phase, done, count, text, path, perSecond: _, secondsLeft: __, ...figures } = event
    if (name === "progress" && typeof phase === "string") {
      report({ type: "progress", phase, done: Number(done), count: Number(count), figures: numbersOf(figures) })
    } else if (name === "notice" && typeof text === "string") report({ type: "notice", text })
    else if (typeof path === "string") paths.add(resolve(dataFolder, path))
    else if (name === "done") counted = numbersOf(event)
  })
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => {
    child.kill("SIGTERM")
    timer = setTimeout(() => child.kill("SIGKILL"), SAVE_TIME)
  }
  signal.addEventListener("abort", stop)
  try {
    const [code, by] = await new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject)
      child.once("close", (code, by) => resolve([code, by]))
    })
    signal.throwIfAborted()
    if (by !== null) throw new ServeError("worker-lost", `the process of ${kind} was ended by ${by}.`)
    if (code !== 0)
      throw new ServeError(
        "command",
        errors
          .trim()
          .replaceAll(`${dataFolder}/`, "")
          .replace(/^lllite: /, ""),
      )
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", stop)
  }
  if (printed.length > 0) {
    const path = join(folder, kind === "inspect" ? "report.json" : "output.txt")
    await writeFile(path, `${printed.join("\n")}\n`)
    paths.add(path)
  }
  if (paths.size === 0 && counted !== null) {
    const path = join(folder, "report.json")
    await writeFile(path, `${JSON.stringify(counted)}\n`)
    paths.add(path)
  }
  return [...paths].map((path) => ({ path }))
}

function withJson(input: CommandInput): CommandInput {
  return { ...input, options: { ...input.options, json: true } }
}

/** A line that a reporter wrote. Null: it is another text. */
function eventOf(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith('{"event":')) return null
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>
  } catch {
    return null
  }
}

function numbersOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  )
}
