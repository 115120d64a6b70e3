import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, encodePng } from "@lllite/runtime-node"
import fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { readLine, readTable } from "./prompt-entry.ts"
import { readSampleFile } from "./prompt-file.ts"

const folder = mkdtempSync(join(tmpdir(), "lllite-samples-"))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const CONTROL = blankImage(8, 8, [1, 2, 3])

function picture(name: string): string {
  const path = join(folder, name)
  writeFileSync(path, encodePng(CONTROL))
  return path
}

describe("a line", () => {
  it("has the options of sd-scripts", () => {
    const line =
      "a red star --n blurry, dark --W 1000 --h 71 --d 12345678901234567890 --s 5000 --l 3.5 --ss k_euler --cn a b.png"
    expect(readLine(line)).toEqual({
      entry: {
        prompt: "a red star",
        negativePrompt: "blurry, dark",
        // Rounded down to multiples of 8, as there.
        ...{ width: 1000, height: 64, seed: 12345678901234567890n, steps: 1000, guidanceScale: 3.5 },
        ...{ sampler: "k_euler", control: "a b.png" },
      },
      problems: [],
      unused: [],
    })
  })

  it("names what it cannot follow, and what is for other models", () => {
    const { problems, unused } = readLine("a --w wide --w 64 --w 64 --x 1 --ss eulr --fs 3 --d -1 --cn")
    expect(unused).toEqual(["--fs"])
    expect(problems).toEqual([
      '--w is "wide", expected pixels up to 16384',
      "--w appears twice. Keep one",
      expect.stringMatching(/^"--x" is not an option of a sample, expected --w, --h/),
      '--ss is "eulr", expected the name of a sampler. Did you mean euler?',
      '--d is "-1", expected a whole number from 0 to 2^64 - 1',
      '--cn is "", expected a picture\'s path',
    ])
  })

  it("never throws, and keeps the prompt before the first option", () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        const [prompt = ""] = ` ${line.trim()}`.split(" --")
        expect(readLine(line).entry.prompt).toBe(prompt.trim())
      }),
    )
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.anything()), (table) => void readTable(table)))
  })
})

describe("a file", () => {
  it("is lines, TOML or JSON, with the same pictures", async () => {
    const [one, two] = [picture("1.png"), picture("2.png")]
    const wanted = [
      { prompt: "one", width: 64, control: one, picture: CONTROL },
      { prompt: "two", width: 96, seed: 7, control: two, picture: CONTROL },
    ]
    const lines = write("a.txt", `# a comment\n\none --w 64 --cn ${one}\r\ntwo --w 96 --d 7 --cn ${two}\n`)
    const subset = `[[prompt.subset]]\nprompt = "two"\nwidth = 96\nseed = 7\ncontrolnet_image = "${two}"\n`
    const base = `[prompt]\nwidth = 64\nprompt = "one"\ncontrolnet_image = "${one}"\n[[prompt.subset]]\n`
    const toml = write("a.toml", `${base}${subset}`)
    const objects = [{ prompt: "one", width: 64, controlnet_image: one }, `two --w 96 --d 7 --cn ${two}`]
    const json = write("a.json", JSON.stringify(objects))
    for (const path of [lines, toml, json]) expect((await readSampleFile(path)).entries).toEqual(wanted)
  })

  it("says what belongs to other models", async () => {
    const named = `controlnet_image = "${picture("1.png")}"\n`
    const path = write("b.toml", `[prompt]\nprompt = "a"\nguidance_scale = 3.5\n${named}`)
    expect((await readSampleFile(path)).notices).toEqual([
      `guidance_scale in "${path}" belong to other models, and have no effect.`,
    ])
  })

  it("names all problems together, those of its controls too", async () => {
    const text = `a --w x --cn ${picture("1.png")}\nb --z 1 --cn lost.png\nc --cn lost-too.png`
    await expect(readSampleFile(write("more.txt", text))).rejects.toThrow(
      /4 problems:\n {2}- line 1: --w is "x".*\n {2}- line 2: "--z".*\n {2}- line 2: cannot read "lost.png".*\n {2}- line 3: cannot read "lost-too/,
    )
  })

  it.each([
    ["no-control.txt", "a star\n", /line 1: there is no control picture\. Name one with --cn/],
    ["empty.txt", "# only a comment\n", /has no prompt/],
    ["list.toml", 'a = "b"\n', /has no table \[prompt\]/],
    ["object.json", '{"prompt": "a"}', /is not a list in JSON/],
    ["numbers.json", '[1, {"__proto__": 2, "prompt": 3, "controlnet_image": "a"}]', /2: prompt is not a text/],
    ["many.txt", "a --cn a\n".repeat(101), /has 101 prompts, expected at most 100/],
  ])("is refused: %s", async (name, text, message) => {
    await expect(readSampleFile(write(name, text))).rejects.toThrow(message)
  })
})
