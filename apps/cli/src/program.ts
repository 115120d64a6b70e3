import { listText } from "@lllite/core/names"
import { nearest } from "@lllite/runtime-node/options"
import type { Command } from "./command/command.ts"
import { entry } from "./command/help.ts"
import { describeError, EXIT_FAILURE, exitCodeOf, UsageError } from "./terminal/errors.ts"
import type { Interrupt } from "./terminal/interrupt.ts"
import { print } from "./terminal/streams.ts"
import { readVersion } from "./version.ts"

interface Listed {
  /** One word, or two words. */
  readonly name: string
  readonly summary: string
  /** Loads the command on demand. TensorFlow.js takes a second to load, tables of options some milliseconds. */
  readonly load: () => Promise<Command>
}

/** All commands, in help's order. */
export const COMMANDS: readonly Listed[] = [
  {
    name: "demo",
    summary: "Train a Canny LLLite on the embedded tiny SDXL, and show what it does.",
    load: async () => (await import("./demo/command.ts")).demoCommand,
  },
  {
    name: "train",
    summary: "Train an LLLite. The options have the same names as in sd-scripts.",
    load: async () => (await import("./train/command.ts")).trainCommand,
  },
  {
    name: "generate",
    summary: "Generate pictures, with or without LLLites. The options have the same names as in sd-scripts.",
    load: async () => (await import("./generate/command.ts")).generateCommand,
  },
  {
    name: "preprocess",
    summary: "Make control pictures: edges, lines, blurs and others, without a network.",
    load: async () => (await import("./preprocess/command.ts")).preprocessCommand,
  },
  {
    name: "dataset check",
    summary: "Examine a data set before training, and draw a sheet of its pairs.",
    load: async () => (await import("./dataset/check/command.ts")).checkCommand,
  },
  {
    name: "dataset make",
    summary: "Make a data set of pictures or of prompts, with controls and captions.",
    load: async () => (await import("./dataset/make/command.ts")).makeCommand,
  },
  {
    name: "dataset cache",
    summary: "Encode a data set before training: latents and captions, in files beside the pictures.",
    load: async () => (await import("./dataset/cache/command.ts")).cacheCommand,
  },
  {
    name: "grid",
    summary: "Draw one labelled sheet of pictures, over the values of two options.",
    load: async () => (await import("./grid/command.ts")).gridCommand,
  },
  {
    name: "serve",
    summary: "Answer requests of programs: LLLite's own API, and that of ComfyUI.",
    load: async () => (await import("./serve/command.ts")).serveCommand,
  },
  {
    name: "work",
    summary: "Do the jobs of a server, on this or any other machine.",
    load: async () => (await import("./worker/command.ts")).workCommand,
  },
  {
    name: "parked",
    summary: "List what workers could not make, and let them try it again.",
    load: async () => (await import("./parked/command.ts")).parkedCommand,
  },
  {
    name: "rank",
    summary: "Compute steps of a training that runs elsewhere.",
    load: async () => (await import("./ranks/command.ts")).rankCommand,
  },
  {
    name: "inspect",
    summary: "Show the kind and the contents of a safetensors file.",
    load: async () => (await import("./inspect/command.ts")).inspectCommand,
  },
  {
    name: "doctor",
    summary: "Show which backends and models work on this machine, and which commands add more.",
    load: async () => (await import("./doctor/command.ts")).doctorCommand,
  },
  {
    name: "bench",
    summary: "Measure steps, pictures and memory on this machine's backends, in two minutes.",
    load: async () => (await import("./bench/command.ts")).benchCommand,
  },
  {
    name: "convert",
    summary: "Write a safetensors file with another dtype or other tensor names.",
    load: async () => (await import("./convert/command.ts")).convertCommand,
  },
  {
    name: "edit",
    summary: "Show or change the metadata of a safetensors file.",
    load: async () => (await import("./edit/command.ts")).editCommand,
  },
  {
    name: "merge",
    summary: "Write the weighted sum of LLLites with the same sites and widths.",
    load: async () => (await import("./merge/command.ts")).mergeCommand,
  },
  {
    name: "resize",
    summary: "Write an LLLite with other widths, and measure the error.",
    load: async () => (await import("./resize/command.ts")).resizeCommand,
  },
  {
    name: "prune",
    summary: "Write an LLLite without some of its sites.",
    load: async () => (await import("./prune/command.ts")).pruneCommand,
  },
  {
    name: "diff",
    summary: "Compare two LLLites, site by site.",
    load: async () => (await import("./diff/command.ts")).diffCommand,
  },
  {
    name: "hash",
    summary: "Print the common hashes of a safetensors file.",
    load: async () => (await import("./hash/command.ts")).hashCommand,
  },
  {
    name: "cache",
    summary: "List the models that were downloaded, or remove them.",
    load: async () => (await import("./cache/command.ts")).cacheCommand,
  },
  {
    name: "setup",
    summary: "Build a faster backend: lllite setup tensorflow.",
    load: async () => (await import("./setup/command.ts")).setupCommand,
  },
]

/** Milliseconds in which a stopped command removes its temporary files. */
const CLEANING_TIME = 500

/**
 * Runs the command with its arguments (without node and the script). Returns the exit code: 0 for success, 1 for an
 * error, 75 for one that may be over at the next try, or the code of the signal that stopped it. After a signal the caller ends the process, since work without a
 * result may go on.
 */
export async function runProgram(argv: readonly string[], interrupt: ProgramInterrupt = NO_INTERRUPT): Promise<number> {
  try {
    return await runCommand(argv, interrupt.signal)
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`)
    return interrupt.exitCode() ?? exitCodeOf(error)
  }
}

type ProgramInterrupt = Pick<Interrupt, "signal" | "exitCode">

const NO_INTERRUPT: ProgramInterrupt = { signal: new AbortController().signal, exitCode: () => null }

async function runCommand(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined) {
    process.stderr.write(`${programHelp()}\n`)
    return EXIT_FAILURE
  }
  if (name === "-V" || name === "--version") {
    print(readVersion())
    return 0
  }
  if (name === "-h" || name === "--help" || (name === "help" && rest.length === 0)) {
    print(programHelp())
    return 0
  }
  if (name === "help") return help(rest)
  if (isHelp(rest[0]) && namesOf(name).length > 0) return help([name])
  const { listed, rest: own } = findListed(argv)
  const command = await listed.load()
  const work = command.invoke(own, signal)
  await (command.endsItself ? work : endedAfter(work, signal))
  return 0
}

async function help(words: readonly string[]): Promise<number> {
  const [name = ""] = words
  if (words.length === 1 && namesOf(name).length > 0) {
    print(wordHelp(name))
    return 0
  }
  const { listed, rest } = findListed(words)
  print((await listed.load()).help(rest[0] === "all" ? "all" : "taken"))
  return 0
}

function isHelp(argument: string | undefined): boolean {
  return argument === "-h" || argument === "--help"
}

/** The result of work that is given up a moment after an abort. */
function endedAfter(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => void setTimeout(() => reject(signal.reason), CLEANING_TIME)
    if (signal.aborted) giveUp()
    signal.addEventListener("abort", giveUp)
    work.then(resolve, reject)
  })
}

/** The command that the first words of a line name, and the words after it. @throws UsageError if there is none */
export function findListed(argv: readonly string[]): { readonly listed: Listed; readonly rest: readonly string[] } {
  const [name = "", second = ""] = argv
  for (const count of [2, 1]) {
    const listed = COMMANDS.find((each) => each.name === argv.slice(0, count).join(" "))
    if (listed !== undefined) return { listed, rest: argv.slice(count) }
  }
  if (name.startsWith("-"))
    throw new UsageError("command-missing", `${name} is not an option here. Expected a command. Type: lllite --help`)
  const parts = namesOf(name)
  if (parts.length > 0 && (second === "" || second.startsWith("-"))) {
    throw new UsageError("command-missing", `${name} is not a whole command. Expected ${listText(parts, "or")}.`)
  }
  const names = COMMANDS.map((each) => each.name)
  const firstWords = [...new Set(names.map((each) => each.split(" ")[0] as string))]
  const near = nearest(`${name} ${second}`, names) ?? (parts.length > 0 ? null : nearest(name, firstWords))
  const written = parts.length > 0 ? `${name} ${second}` : name
  const expected = parts.length > 0 ? ` Expected ${listText(parts, "or")}.` : " Type: lllite --help"
  throw new UsageError(
    "command-unknown",
    `"${written}" is not a command.${near === null ? expected : ` Did you mean ${near}?`}`,
  )
}

/** The names of two words that begin with this one. */
function namesOf(word: string): readonly string[] {
  return COMMANDS.flatMap(({ name }) => (name.startsWith(`${word} `) ? [name] : []))
}

/** Help for the first word of several commands. */
function wordHelp(word: string): string {
  return [
    `Usage: lllite ${word} <command> [options]`,
    "",
    "Commands:",
    ...COMMANDS.flatMap(({ name, summary }) => (namesOf(word).includes(name) ? entry(name, summary) : [])),
    "",
    "Options:",
    ...entry("-h, --help", "Show this help. After a command: show its options."),
  ].join("\n")
}

function programHelp(): string {
  return [
    "Usage: lllite <command> [options]",
    "",
    "Train and use ControlNet-LLLite: small adapters that let a control picture steer SDXL.",
    "",
    "Commands:",
    ...COMMANDS.flatMap(({ name, summary }) => entry(name, summary)),
    "",
    "Options:",
    ...entry("-h, --help", "Show this help. After a command: show its options."),
    ...entry("-V, --version", "Show the version."),
  ].join("\n")
}
