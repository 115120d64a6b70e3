import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { fromBytes, readLllite } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createReporter } from "../terminal/progress.ts"
import { epochFileName, fileDate, saveLllite, stepFileName } from "./save-lllite.ts"

describe("fileDate", () => {
  it("takes the date from SOURCE_DATE_EPOCH and never from the clock", () => {
    expect(fileDate({ SOURCE_DATE_EPOCH: "1767323045" })).toEqual({ date: "2026-01-02T03:04:05" })
    expect(fileDate({})).toEqual({})
    expect(fileDate({ SOURCE_DATE_EPOCH: "" })).toEqual({})
  })

  it.each(["yesterday", "-1", "1.5", "1e300"])("refuses %s", (epoch) => {
    expect(() => fileDate({ SOURCE_DATE_EPOCH: epoch })).toThrow(/expected whole seconds since 1970/)
  })
})

it("names files as sd-scripts does", () => {
  expect(stepFileName("canny", 100)).toBe("canny-step00000100.safetensors")
  expect(epochFileName("canny", 2)).toBe("canny-000002.safetensors")
})

describe("saveLllite", () => {
  const layout = { modelChannels: 8, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
  const sites = enumerateSites(layout).slice(0, 1)
  const model = createLllite(sites, { condDim: 2, mlpDim: 2 }, createStream(1, "init"))
  const state = { model, step: 3 }
  let folder = ""
  let said = ""
  const reporter = createReporter({
    write: (text) => {
      said += text
    },
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-save-"))
    said = ""
  })
  afterEach(() => rm(folder, { recursive: true }))

  it("saves values that the dtype cannot hold as F32, and says it", async () => {
    const large = { ...state, model: { ...model, values: model.values.map(() => 1e6) } }
    const path = join(folder, "a.safetensors")
    expect(await saveLllite(path, large, { dtype: "F16", force: false }, reporter)).toBe(path)
    const file = await readLllite(fromBytes(new Uint8Array(await readFile(path))))
    expect(file.dtypes).toEqual(["F32"])
    expect(said).toMatch(/"notice","text":"values of the LLLite are too large for F16\. It is saved as F32\."/)
  })

  it("keeps a file that appeared during the run, unless it may be replaced", async () => {
    const path = join(folder, "a.safetensors")
    await writeFile(path, "mine")
    const options = { dtype: "F32" } as const
    const other = await saveLllite(path, state, { ...options, force: false }, reporter)
    expect(other).toBe(join(folder, "a-2.safetensors"))
    expect(said).toMatch(/a\.safetensors\\" appeared during the run and is kept/)
    expect(await readFile(path, "utf8")).toBe("mine")
    expect(await saveLllite(path, state, { ...options, force: true }, reporter)).toBe(path)
    expect(await readFile(path)).toEqual(await readFile(other))
  })

  it("saves in a temporary folder when the path cannot be written, and fails with the name of that file", async () => {
    await writeFile(join(folder, "out"), "")
    const path = join(folder, "out", "a.safetensors")
    const work = saveLllite(path, state, { dtype: "F32", force: false }, reporter)
    const error: unknown = await work.catch((error: unknown) => error)
    const message = error instanceof Error ? error.message : ""
    const [, saved = ""] = /The LLLite is saved as "(.*)" instead\./.exec(message) ?? []
    expect(message).toContain(`cannot write "${path}"`)
    const file = await readLllite(fromBytes(new Uint8Array(await readFile(saved))))
    expect(file.sites).toHaveLength(1)
    await rm(dirname(saved), { recursive: true })
  })
})
