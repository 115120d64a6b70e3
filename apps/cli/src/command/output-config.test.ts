import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AnyOption, Layer } from "@lllite/runtime-node/options"
import { parseToml, readLayer } from "@lllite/runtime-node/options"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { TRAIN_OPTIONS } from "../train/options/index.ts"
import { flagName } from "./command.ts"
import { readConfigLayer } from "./config-file.ts"
import { optionsText, writeOptions } from "./output-config.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-output-config-"))
})
afterEach(() => rm(folder, { recursive: true }))

const LEFT_OUT = ["config_file", "output_config", "wandb_api_key", "huggingface_token"]
type Entry = readonly [string, unknown]

const lineOf = (entries: readonly Entry[]): Layer =>
  readLayer(TRAIN_OPTIONS, { where: "train", entries, spell: flagName })
/** The options of a file without sections. */
const fileOf = (text: string): Layer =>
  readLayer(TRAIN_OPTIONS, { where: "a file", entries: Object.entries(parseToml(text, "a file").table) })
/** What a layer asks for, by name. */
const asked = ({ values }: Layer) =>
  new Map([...values].flatMap(([name, { isActive, value }]) => (isActive ? [[name, value] as const] : [])))
const notes = ({ notes }: Layer): readonly string[] => notes.map((note) => note.replaceAll("--", ""))

/** Texts of a command line that options of all kinds read, or refuse. */
const TEXTS = [
  ...["", "0", "1", "1.0", "2", "75", "150", "64", "0.5", "1e-7", "1E-3", "4e5", "-0.25", "007", "none", "no", "True"],
  ...["10%", "7%", "100%", "0%", "0.1", "768,512", "1024", "512, 512", "2,4", "true", "false", "9007199254740993"],
  ...["9223372036854775807", "18446744073709551615", "weight_decay=0.1", "betas=(0.9, 0.99)", 'a "b" \\ c', "é 星 🙂"],
  ...["a\nb\t\u007f\u0001", "#no comment", "[x]", "input 4-5,middle", "bf16", "float", "AdamW8bit", "cosine", "K"],
]

/** Values that a command line may have for an option. */
function rawOf(option: AnyOption): fc.Arbitrary<unknown> {
  const named = option.fate === "taken" && option.range !== null ? option.range.split(", ") : []
  const text = fc.oneof(fc.constantFrom(...TEXTS, ...named), fc.string({ unit: "grapheme" }), fc.double().map(String))
  if (option.fate !== "taken") return fc.oneof(fc.constant(true), text, fc.array(text, { minLength: 2, maxLength: 3 }))
  if (option.arity === "none") return fc.constantFrom(true, "true", "false")
  return option.arity === "one" ? text : fc.array(text, { minLength: 1, maxLength: 4 })
}

const names = Object.keys(TRAIN_OPTIONS) as (keyof typeof TRAIN_OPTIONS)[]
const entryOf = (name: keyof typeof TRAIN_OPTIONS): fc.Arbitrary<Entry> =>
  rawOf(TRAIN_OPTIONS[name]).map((raw) => [flagName(name), raw] as const)
/** Options of a command line, each of which is taken or without effect. */
const lines = fc
  .uniqueArray(fc.constantFrom(...names.filter((name) => !LEFT_OUT.includes(name))), { maxLength: 12 })
  .chain((chosen) => fc.tuple(...chosen.map(entryOf)))
  .map((entries) => entries.filter((entry) => lineOf([entry]).problems.length === 0))

describe("the options of a command line, written as a file", () => {
  it("are read from it as they were, whatever they are", () => {
    fc.assert(
      fc.property(lines, (entries) => {
        const [line, file] = [lineOf(entries), fileOf(optionsText(TRAIN_OPTIONS, entries, LEFT_OUT))]
        expect(file.problems).toEqual([])
        expect(asked(file)).toEqual(asked(line))
        expect([...notes(file)].sort()).toEqual([...notes(line)].sort())
      }),
      { numRuns: 400 },
    )
  })

  it("are read from it as they were, each option with each of the texts that it reads", () => {
    let read = 0
    for (const name of names.filter((name) => !LEFT_OUT.includes(name))) {
      const option: AnyOption = TRAIN_OPTIONS[name]
      const isList = option.fate === "taken" && (option.arity === "many" || option.arity === "each")
      const texts = option.fate === "taken" && option.range !== null ? [...TEXTS, ...option.range.split(", ")] : TEXTS
      const raws: readonly unknown[] = option.fate === "taken" && option.arity === "none" ? [true] : texts
      for (const raw of raws) {
        const entries = [[flagName(name), isList ? [raw, raw] : raw]] as const
        const line = lineOf(entries)
        if (line.problems.length > 0) continue
        const file = fileOf(optionsText(TRAIN_OPTIONS, entries, LEFT_OUT))
        expect([name, raw, file.problems, asked(file)]).toEqual([name, raw, [], asked(line)])
        read += asked(file).size
      }
    }
    // Of about 220 options, those that are taken have one value at least.
    expect(read).toBeGreaterThan(600)
  })

  it("have the types that sd-scripts' own options have", () => {
    const entries = [
      ["--learning-rate", "1e-4"],
      ["--network_dim", "32"],
      ["--flip_aug", true],
      ["--lr_warmup_steps", "10%"],
      ["--resolution", "1024,768"],
      ["--optimizer_args", ["weight_decay=0.1", "eps=1e-6"]],
      ["--seed", "7"],
      ["--mixed_precision", "bf16"],
      ["--save_every_n_steps", "0"],
      ["--config_file", "x"],
      ["--wandb_api_key", "secret"],
    ] as const
    expect(optionsText(TRAIN_OPTIONS, entries, ["config_file"]).trim().split("\n")).toEqual([
      "learning_rate = 0.0001",
      "network_dim = 32",
      "flip_aug = true",
      "lr_warmup_steps = 0.1",
      'resolution = "1024,768"',
      'optimizer_args = [ "weight_decay=0.1", "eps=1e-6" ]',
      "seed = 7",
      'mixed_precision = "bf16"',
    ])
  })

  it("go to a new file alone, whose name ends in .toml", async () => {
    const path = await writeOptions(join(folder, "new"), "a = 1\n")
    expect(path).toBe(join(folder, "new.toml"))
    await expect(writeOptions(join(folder, "new"), "a = 2\n")).rejects.toThrow(/new\.toml" is there already/)
    expect(await readFile(path, "utf8")).toBe("a = 1\n")
    const written = await writeOptions(join(folder, "run.toml"), optionsText(TRAIN_OPTIONS, [["--seed", "5"]], []))
    expect(asked(await readConfigLayer(TRAIN_OPTIONS, written))).toEqual(new Map([["seed", 5]]))
  })
})
