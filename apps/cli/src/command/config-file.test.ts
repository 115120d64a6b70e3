import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { flag, integer } from "@lllite/runtime-node/options"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { readConfigLayer } from "./config-file.ts"

const table = {
  seed: integer({ help: "", min: 0 }),
  network_dim: integer({ help: "", min: 1 }),
  json: flag({ help: "" }),
}
let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-config-"))
})
afterEach(() => rm(folder, { recursive: true }))

const read = async (text: string, name = "a.toml") => {
  await writeFile(join(folder, "a.toml"), text)
  return readConfigLayer(table, join(folder, name))
}

describe("readConfigLayer", () => {
  it("flattens sections, and takes dashes in names", async () => {
    const { values, problems } = await read("seed = 1\n[model]\nnetwork-dim = 4\n[data]\njson = true")
    expect([...values].map(([name, { value }]) => [name, value])).toEqual([
      ["seed", 1],
      ["network_dim", 4],
      ["json", true],
    ])
    expect(problems).toEqual([])
  })

  it("passes over options of another command, and over no others", async () => {
    await writeFile(join(folder, "a.toml"), "seed = 1\nsteps = 5\nsteeps = 6")
    const { values, problems } = await readConfigLayer(table, join(folder, "a.toml"), {
      steps: integer({ help: "", min: 1 }),
    })
    expect([...values.keys()]).toEqual(["seed"])
    expect(problems.map(({ text }) => text)).toEqual([expect.stringContaining("steeps")])
  })

  it("finds a file whose ending is left out", async () => {
    expect((await read("seed = 1", "a")).values.get("seed")?.value).toBe(1)
  })

  it("collects problems: an option that appears twice, a section inside a section", async () => {
    const { problems } = await read("[a]\nseed = 1\n[b]\nseed = 2\n[b.c]\njson = true")
    expect(problems.map(({ text }) => text)).toEqual([
      "seed appears twice. Keep one.",
      "c is a section inside a section, expected an option",
    ])
  })

  it("refuses a file that is not TOML, with the line, and a missing file", async () => {
    await expect(read("seed = 1\nseed 1")).rejects.toThrow(/a\.toml" is not valid TOML, line 2, column 6: /)
    await expect(read("", "b.toml")).rejects.toThrow(/b\.toml": there is no such file/)
  })
})
