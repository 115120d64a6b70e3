import type { Command } from "commander"
import { InvalidArgumentError } from "commander"

type Run<Options> = (files: readonly string[], options: Options) => Promise<string>

/**
 * Adds the commands that change files and compare them. None of them loads TensorFlow.js. Options are registered with
 * underscores, as every command line is read with (see `normaliseArgv`).
 */
export function addEditCommands(program: Command): void {
  const add = <Options>(name: string, description: string, load: () => Promise<Run<Options>>): Command =>
    program
      .command(name)
      .description(description)
      .option("--json", "as one JSON object")
      .action(async (files: string | readonly string[], ...rest: unknown[]) => {
        // A command with one file gets a text, one with several a list; options come before the command itself.
        const options = rest.at(-2) as Options
        const named = [files, ...rest.slice(0, -2)].flat() as readonly string[]
        const run = await load()
        process.stdout.write(`${await run(named, options)}\n`)
      })
  const writing = (command: Command): Command =>
    command
      .requiredOption("--output <file>", "file to write")
      .option("--force", "replace the output if it exists, which may be the input")

  writing(
    add(
      "convert <file>",
      "write a safetensors file with another dtype or other tensor names",
      async () => (await import("./convert/run.ts")).runConvert,
    ),
  )
    .option("--dtype <dtype>", "F32, F16, BF16, F64, F8_E4M3 or F8_E5M2, for every tensor of one of these")
    .option("--keys <layout>", "file: an LLLite's names; training: those in a state of sd-scripts' trainer")
    .option("--allow_overflow", "write values too large for the dtype as infinity (F8_E4M3: NaN), as PyTorch does")

  add(
    "edit <file>",
    "show a safetensors file's metadata, or write the file with other metadata",
    async () => (await import("./edit/run.ts")).runEdit,
  )
    .option("--set <key=value>", "set a value; may be given again", collect, [])
    .option("--unset <key>", "remove a key; may be given again", collect, [])
    .option("--clear", "remove every key first")
    .option("--fill", "add what an LLLite's header tells: ModelSpec's required keys, a title, the widths")
    .option("--output <file>", "file to write; without it the file itself is meant, which takes --force")
    .option("--force", "replace the output if it exists")

  writing(
    add(
      "merge <files...>",
      "write the weighted sum of LLLites with the same sites and widths",
      async () => (await import("./merge/run.ts")).runMerge,
    ),
  )
    .option("--ratios <numbers...>", "weight of each file, in order; equal and adding up to 1 unless given")
    .option("--dtype <dtype>", "how the result is stored; as the first file unless given")

  writing(
    add(
      "resize <file>",
      "write an LLLite with other widths; the error is measured and told",
      async () => (await import("./resize/run.ts")).runResize,
    ),
  )
    .option("--network_dim <number>", "width of the bottleneck (mlpDim)", wholeNumber)
    .option("--cond_emb_dim <number>", "channels of the control's embedding (condDim)", wholeNumber)
    .option("--dtype <dtype>", "how the result is stored; as the file unless given")
    .option("--seed <number>", "of the samples that a narrower one is fitted on, 0 unless given", wholeNumber)

  writing(
    add(
      "prune <file>",
      "write an LLLite without some of its sites",
      async () => (await import("./prune/run.ts")).runPrune,
    ),
  )
    .option("--blocks <names...>", 'blocks to take out, such as "input 4" or middle')
    .option("--keep_blocks <names...>", "blocks to keep, and no others")
    .option("--weakest <number>", "how many of the weakest sites to take out", wholeNumber)
    .option("--zero", "keep the tensors and set up to zero, so that programs which want every site load the file")

  add(
    "diff <first> <second>",
    "say how two LLLites differ, site by site",
    async () => (await import("./diff/run.ts")).runDiff,
  ).option("--outputs", "compare what the sites do on samples, too; widths may differ then")

  add(
    "hash <file>",
    "give the hashes that people quote of a safetensors file",
    async () => (await import("./hash/run.ts")).runHash,
  )
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function wholeNumber(value: string): number {
  const number = Number(value)
  if (/^\d+$/.test(value) && number < 2 ** 31) return number
  throw new InvalidArgumentError("Expected a whole number.")
}
