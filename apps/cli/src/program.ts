import { Command, CommanderError, InvalidArgumentError, Option } from "commander"
import { DEMO } from "./demo/settings.ts"
import { addEditCommands } from "./edit-commands.ts"
import { addOptions, normaliseArgv } from "./options/options.ts"
import { describeError, EXIT_FAILURE, EXIT_INTERRUPTED } from "./terminal/errors.ts"
import { watchInterrupt } from "./terminal/interrupt.ts"
import type { Reporter } from "./terminal/progress.ts"
import { createReporter } from "./terminal/progress.ts"
import { readVersion } from "./version.ts"

/**
 * Runs the command with its arguments (without node and the script) and gives the exit code: 0, 1 for an error, 130
 * when stopped by Ctrl-C.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(argv)
    await program.parseAsync(normaliseArgv(argv), { from: "user" })
    return 0
  } catch (error) {
    // Help and version end a program early, too.
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    if (error instanceof CommanderError) {
      // Asked for nothing, commander has shown the help already.
      if (error.code !== "commander.help") process.stderr.write(`lllite: ${usageSentence(error.message)}\n`)
      return EXIT_FAILURE
    }
    process.stderr.write(`${describeError(error)}\n`)
    return error instanceof Error && error.name === "InterruptedError" ? EXIT_INTERRUPTED : EXIT_FAILURE
  }
}

// Commands are imported when they run: TensorFlow.js takes a second to load, and commands on files never need it. The
// many options of those that load it are imported when they are named, so that nobody else waits for them either.
async function createProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command("lllite")
    .description("Train and use ControlNet-LLLite: small adapters that let a control picture steer SDXL.")
    .version(readVersion())
    // Errors are printed in one place, above; help and version go where they always go.
    .configureOutput({ outputError: () => {} })
    .exitOverride()

  const demo = program
    .command("demo")
    .description("train a Canny LLLite on the embedded tiny SDXL, and show what it does")
    .option("--out <folder>", "folder to write into", "demo-output")
    .option("--seed <number>", "the same seed gives the same files", wholeNumber(0), 0)
    .option("--steps <number>", "steps of training", wholeNumber(1), DEMO.steps)
    .action((options) =>
      watched(async (reporter, signal) => {
        const { runDemo } = await import("./demo/run.ts")
        await runDemo(options, reporter, signal)
      }),
    )
  if (argv.includes("demo")) {
    const { NODE_BACKENDS } = await import("@lllite/runtime-node/machine")
    demo.addOption(new Option("--backend <value>", "what computes").choices(NODE_BACKENDS).default(DEMO.backend))
  }

  const train = program
    .command("train")
    .description("train an LLLite; options have the names they have in sd-scripts, with - or _")
    .option("--config <file>", "TOML of the options below; what the command line says wins")
    .option("--config_file <file>", "the same")
  if (argv.includes("train")) {
    const { NEEDLESS_OPTIONS, REFUSED_OPTIONS, TRAIN_OPTIONS } = await import("./train/options.ts")
    addOptions(train, TRAIN_OPTIONS)
    // Known to commander only so that they get their own sentence instead of "unknown option".
    for (const name of [...Object.keys(NEEDLESS_OPTIONS), ...Object.keys(REFUSED_OPTIONS)]) {
      train.addOption(train.createOption(`--${name} [values...]`).hideHelp())
    }
  }
  train.action(({ config, config_file: configFile, ...commandLine }) =>
    watched(async (reporter, signal) => {
      const { readConfigFile, readTrainSettings } = await import("./train/settings.ts")
      const { runTrain } = await import("./train/run.ts")
      const path: string | undefined = config ?? configFile
      const file = path === undefined ? null : { path, values: await readConfigFile(path) }
      await runTrain(readTrainSettings(file, commandLine), reporter, signal)
    }),
  )

  const generate = program
    .command("generate")
    .description("generate pictures, with LLLites or without; options have the names they have in sd-scripts")
  if (argv.includes("generate")) {
    const { GENERATE_OPTIONS } = await import("./generate/options.ts")
    addOptions(generate, GENERATE_OPTIONS)
  }
  generate.action((commandLine) =>
    watched(async (reporter, signal) => {
      const { readGenerateSettings } = await import("./generate/settings.ts")
      const { runGenerate } = await import("./generate/run.ts")
      await runGenerate(readGenerateSettings(commandLine), reporter, signal)
    }),
  )

  program
    .command("inspect <file>")
    .description(
      "say what a safetensors file is, without loading it: a path, an address, a checkpoint's *.index.json, or owner/name[@revision][:file] on the Hugging Face Hub",
    )
    .option("--json", "as one JSON object")
    .option("--health", "also read an LLLite's values, and say what is wrong with them")
    .action(async (file: string, { json, health }: { json?: boolean; health?: boolean }) => {
      const { inspectFile } = await import("./inspect/run.ts")
      const { formatReport } = await import("./inspect/text.ts")
      const report = await inspectFile(file, { health: health === true })
      process.stdout.write(`${json === true ? JSON.stringify(report, null, 2) : formatReport(report)}\n`)
    })

  program
    .command("doctor")
    .description("say what this machine can do, what was tried, and what to type to get more")
    .option("--json", "as one JSON object")
    .action(async ({ json }: { json?: boolean }) => {
      const { runDoctor } = await import("./doctor/run.ts")
      process.stdout.write(`${await runDoctor(json === true)}\n`)
    })

  addEditCommands(program)

  program
    .command("setup <what>")
    .description("make more of this machine: setup tensorflow builds the backend that computes at full speed")
    .option("--gpu", "for an NVIDIA card: the wheel with CUDA, and NVIDIA's libraries")
    .option("--python <path>", "the Python whose pip is asked for the wheel, python3 unless given")
    .option("--wheel_dir <folder>", "take the wheel from a folder instead of the network")
    .option("--remove", "undo it")
    .action((what: string, options: Readonly<Record<string, unknown>>) =>
      watched(async (reporter, signal) => {
        const { readSetupSettings, runSetup } = await import("./setup/run.ts")
        await runSetup(readSetupSettings(what, options), reporter, signal)
      }),
    )

  return program
}

/** Runs long work with a reporter on stdout and Ctrl-C watched. */
async function watched(work: (reporter: Reporter, signal: AbortSignal) => Promise<void>): Promise<void> {
  const reporter = createReporter(process.stdout)
  const interrupt = watchInterrupt(reporter)
  try {
    await work(reporter, interrupt.signal)
  } finally {
    interrupt.stop()
    reporter.close()
  }
}

function wholeNumber(least: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (value.trim() !== "" && Number.isSafeInteger(number) && number >= least && number < 2 ** 32) return number
    throw new InvalidArgumentError(`Expected a whole number from ${least}.`)
  }
}

/** commander's message as one sentence: without its "error: ", suggestion included. */
function usageSentence(message: string): string {
  return message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ")
}
