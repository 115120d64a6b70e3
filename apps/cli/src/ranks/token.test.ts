import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { addressProblem, readAddress } from "./address.ts"
import { readToken } from "./token.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-token-"))
  await writeFile(join(folder, "token"), "of a file\n")
  await writeFile(join(folder, "empty"), "\n")
})
afterAll(() => rm(folder, { recursive: true }))

describe("the token of ranks", () => {
  it("is that of the given file, then of the variable, then of the variable's file", async () => {
    const [token, file] = ["of the variable ", join(folder, "token")]
    const both = { LLLITE_RANKS_TOKEN: token, LLLITE_RANKS_TOKEN_FILE: file }
    expect(await readToken(file, { LLLITE_RANKS_TOKEN: token })).toBe("of a file")
    expect(await readToken(undefined, both)).toBe("of the variable")
    expect(await readToken(undefined, { LLLITE_RANKS_TOKEN: "", LLLITE_RANKS_TOKEN_FILE: file })).toBe("of a file")
  })

  it("is never empty, and the error names what is", async () => {
    const empty = join(folder, "empty")
    await expect(readToken(undefined, {})).rejects.toThrow("LLLITE_RANKS_TOKEN is empty")
    await expect(readToken(undefined, { LLLITE_RANKS_TOKEN_FILE: empty })).rejects.toThrow(`"${empty}" is empty`)
    await expect(readToken(join(folder, "none"), { LLLITE_RANKS_TOKEN: "a" })).rejects.toThrow("none")
  })
})

describe("the address of ranks", () => {
  it("is a host and a port, with brackets around IPv6", () => {
    expect(readAddress("train-0.train:7700")).toEqual({ host: "train-0.train", port: 7700 })
    expect(readAddress("[::1]:0")).toEqual({ host: "::1", port: 0 })
    for (const text of ["", "host", "host:", ":1", "host:65536", "::1:80", "a b:1", "user@host:1", "[::1:1", "h/x:1"]) {
      expect(readAddress(text), text).toBeNull()
    }
  })
})

it("shows an address that is none, and none with a password", () => {
  expect(addressProblem("the address", "nonsense", "a:1")).toBe(
    'the address is "nonsense", expected host:port, for example a:1',
  )
  expect(addressProblem("the address", "ada:secret@host:1", "a:1")).not.toContain("secret")
})
