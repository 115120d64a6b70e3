import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { looksLikeJson, parseJson, parseToml, readSettingsText } from "./index.ts"

describe("parseToml", () => {
  it("knows the lines of keys, in tables and in lists of tables", () => {
    const text = [
      'a = """',
      "b = 1",
      '"""',
      "list = [ # ]",
      '  "]", ',
      "]",
      "c.d = 1 # e = 2",
      "[general]",
      "'quoted' = 'x\\'",
      "resolution = 512",
      "[[datasets]]",
      "batch_size = 1",
      "[[datasets.subsets]]",
      'image_dir = "a\\"b"',
      "[[datasets.subsets]]",
      "image_dir = 'b'",
      "[[datasets]]",
      "[[datasets.subsets]]",
      "image_dir = 'c'",
    ].join("\r\n")
    const { lineOf } = parseToml(text, "a.toml")
    const paths = ["a", "b", "list", "c.d", "e", "general", "general.quoted", "general.resolution", "datasets[0]"]
    expect(paths.map(lineOf)).toEqual([1, undefined, 4, 7, undefined, 8, 9, 10, 11])
    const subsets = ["datasets[0].subsets[0]", "datasets[0].subsets[1]", "datasets[1].subsets[0]"]
    expect(subsets.map((path) => lineOf(`${path}.image_dir`))).toEqual([14, 16, 19])
  })

  it("keeps all digits of a whole number, and other numbers as numbers", () => {
    const { table } = parseToml("seed = 18446744073709551615\nsteps = 20\nscale = 7.5", "a.toml")
    expect(table).toEqual({ seed: 18446744073709551615n, steps: 20, scale: 7.5 })
  })

  it.each([
    ['a = "C:\\Users\\me"', "line 1, column 10", "Write / instead of it, or use single quotes."],
    ['x = 1\na = "D:\\photos"', "line 2, column", "Write / instead of it, or use single quotes."],
    ["a = “tiny”", "line 1, column", "Use straight quotes"],
    ["a = ‘tiny’", "line 1, column", "Use straight quotes"],
    ["a = True", "line 1, column", "Write true."],
    ["a = False # no", "line 1, column", "Write false."],
    ["a = None", "line 1, column", "Leave the line out."],
    ["a = yes", "line 1, column", "Write true or false."],
    ["a = out/here", "line 1, column", "Put text into quotes"],
    ["a = my picture", "line 1, column", "Put text into quotes"],
    ["a = .5", "line 1, column", "Write a digit before the point"],
    ["a = 5.", "line 1, column", "Write a digit after the point"],
    ["a = 01", "line 1, column", "Leave out zeros"],
    ["a = 1,000", "line 1, column", "Write the number without commas"],
    ["a = 1,", "line 1, column", "Leave out the comma"],
    ["a = 1;", "line 1, column", "Leave out the semicolon"],
    ["a = 1 // fast", "line 1, column", "Comments begin with #."],
    ["// fast", "line 1, column", "Comments begin with #."],
    ['a = "x', "line 1, column", "The quote is not closed in this line."],
    ["a = [1, 2", "line 1, column", "Is a bracket ] missing?"],
    [
      "a = [1, 2\nb = 1",
      "line 2, column 1",
      "The bracket [ of line 1 is not closed, or a comma is missing before line 2.",
    ],
    ["a = [\n  1,\n  2\nb = 'x'", "line 4, column 1", "The bracket [ of line 1 is not closed"],
    [
      "a = [\n  1\n  2\n]",
      "line 3, column",
      "The bracket [ of line 1 is not closed, or a comma is missing before line 3.",
    ],
    [
      "[[d]]\nr = [[1, 2], # ]\n'[', \"[\"\n\n[[d.s]]\na = 'a'",
      "line 5, column 1",
      "The bracket [ of line 2 is not closed",
    ],
    ['t = """\n[\n"""\na = { x = 1\nb = 2', "line 5, column 1", "The bracket { of line 4 is not closed"],
    ["a = (512, 768)", "line 1, column", "Write a list in square brackets"],
    ["a =", "line 1, column", "Write a value after the ="],
    ["a 1", "line 1, column", "Write: name = value."],
    ["a: 1", "line 1, column", "Write: name = value."],
    ["[[datasets]", "line 1, column", "between [[ and ]]"],
    ["a = 1\na = 2", "line 2, column", "appears twice"],
    ["[a]\n[a]", "line 2, column", "appears twice"],
    [`a = ${"[".repeat(5000)}`, "line 1, column", "Brackets stand in brackets too often."],
    ["a = \u0007", "line 1, column", "control character U+0007"],
  ])("names the place of a mistake and the way out: %j", (text, place, advice) => {
    expect(() => parseToml(text, "a.toml")).toThrow(expect.objectContaining({ code: "config-syntax" }))
    expect(() => parseToml(text, "a.toml")).toThrow(`"a.toml" is not valid TOML, ${place}`)
    expect(() => parseToml(text, "a.toml")).toThrow(advice)
  })
})

describe("parseJson", () => {
  it.each([
    ['{\n "a": 1,\n}', "line 3, column 1: a comma before }. Remove the comma."],
    ['{"a": True}', "line 1, column 7: an unknown word. Write true, false or null."],
    ["{'a': 1}", "line 1, column 2: another quote."],
    ['{"a": "D:\\photos"}', "a wrong escape. Write / or \\\\ for a backslash."],
    ['{"a": 1 // x\n}', "a comment. JSON has no comments."],
    ['{"a": 1\n "b": 2}', 'line 2, column 2: an unexpected ". Is a comma missing before it?'],
    ['{"a": 1', "line 1, column 8: the text ends too early."],
    ["{a: 1}", 'line 1, column 2: an unexpected "a". Names and texts stand in double quotes.'],
  ])("names the place of a mistake and the way out: %j", (text, message) => {
    expect(looksLikeJson(text)).toBe(true)
    expect(() => parseJson(text, "a.json")).toThrow(`"a.json" is not valid JSON, `)
    expect(() => parseJson(text, "a.json")).toThrow(message)
  })

  it("is told from TOML by its beginning", () => {
    expect(['{"a": 1}', " [\n{}]", "[]"].map(looksLikeJson)).toEqual([true, true, true])
    expect(["[general]", "[[datasets]]", "a = {}", ""].map(looksLikeJson)).toEqual([false, false, false, false])
  })
})

describe("readSettingsText", () => {
  let folder = ""
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-settings-"))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const read = async (bytes: Uint8Array): Promise<unknown> => {
    await writeFile(join(folder, "a.toml"), bytes)
    return readSettingsText(join(folder, "a.toml"))
  }

  it("reads UTF-8 in silence, and UTF-16 with a notice", async () => {
    expect(await read(Buffer.from("\ufeffa = 1"))).toEqual({ text: "a = 1", notices: [] })
    const wide = Buffer.from("\ufeffa = 1", "utf16le")
    expect(await read(wide)).toEqual({ text: "a = 1", notices: [expect.stringMatching(/a\.toml" is UTF-16 text/)] })
  })

  it.each([
    ["a PNG picture", "\x89PNG\r\n\x1a\n"],
    ["a JPEG picture", "\xff\xd8\xff\xe0"],
    ["a WebP picture", "RIFF....WEBPVP8 "],
    ["a pickle of PyTorch or a ZIP file", "PK\x03\x04...."],
    ["a pickle of PyTorch", "\x80\x02}q\0"],
    ["a safetensors file", '\x20\0\0\0\0\0\0\0{"a":'],
  ])("names %s in its place", async (kind, head) => {
    await expect(read(Buffer.from(head, "latin1"))).rejects.toThrow(`is ${kind}, expected a text file of settings`)
  })

  it("refuses other encodings with the line of the first letter", async () => {
    await expect(read(Buffer.from('a = 1\nb = "é"', "latin1"))).rejects.toThrow(/line 2\. It may be .*Windows-1252/)
  })
})
