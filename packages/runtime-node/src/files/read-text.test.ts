import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { decodeText, readTextFile } from "./read-text.ts"

const utf16 = (text: string, isBig = false): Uint8Array => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le")
  return isBig ? bytes.swap16() : bytes
}

it.each([
  ["UTF-8", Buffer.from("ein Stern ☆")],
  ["UTF-8 with a byte order mark", Buffer.from("\ufeffein Stern ☆")],
  ["UTF-16 of little-endian machines", utf16("ein Stern ☆")],
  ["UTF-16 of big-endian machines", utf16("ein Stern ☆", true)],
])("decodes %s", (_, bytes) => {
  expect(decodeText(bytes, "a.txt")).toBe("ein Stern ☆")
})

it.each([
  [
    "Latin-1",
    Buffer.from("Blütenblätter", "latin1"),
    /cannot read "a\.txt": it is not UTF-8 text\. .* line 1\..*Windows-1252\. Save it as UTF-8/,
  ],
  ["Shift_JIS", Uint8Array.of(0x90, 0xaf, 0x82, 0xcc), /it is not UTF-8 text.*Shift_JIS/],
  ["a picture", Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), /it is a PNG picture, expected a text/],
  ["UTF-16 without a mark", utf16("ein Stern").subarray(2), /NUL characters.*UTF-16 without a byte order mark/],
  ["half of a UTF-16 character", utf16("star").subarray(0, 9), /begins as UTF-16 text and is damaged/],
])("refuses %s, and names the file and the way out", (_, bytes, message) => {
  expect(() => decodeText(bytes, "a.txt")).toThrow(message)
  expect(() => decodeText(bytes, "a.txt")).toThrow(expect.objectContaining({ code: "text-encoding" }))
})

it("reads a file, and names one that is missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lllite-text-"))
  try {
    await writeFile(join(folder, "a.txt"), utf16("a\r\nb"))
    expect(await readTextFile(join(folder, "a.txt"))).toBe("a\r\nb")
    await expect(readTextFile(join(folder, "none.txt"))).rejects.toThrow(/none\.txt": there is no such file/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
