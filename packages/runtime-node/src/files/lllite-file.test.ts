import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { SDXL_LAYOUT, type UnetLayout } from "@lllite/format"
import { buildLlliteMetadata } from "@lllite/format/modelspec"
import { enumerateSites } from "@lllite/format/selections"
import { afterEach, beforeEach, expect, it } from "vitest"
import { readLlliteFile, writeLlliteFile } from "./lllite-file.ts"

const layout: UnetLayout = { modelChannels: 8, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 }
const model = createLllite(enumerateSites(layout), { condDim: 4, mlpDim: 8 }, createStream(3, "init"))

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-file-"))
})
afterEach(() => rm(folder, { recursive: true }))

it("writes what it reads, value for value", async () => {
  const path = join(folder, "a.safetensors")
  await writeLlliteFile(path, model, { dtype: "F32", metadata: buildLlliteMetadata({ title: "a" }) })
  const read = await readLlliteFile(path, layout)
  expect(read.adapters.map(({ site }) => site.key)).toEqual(model.adapters.map(({ site }) => site.key))
  expect(read.values).toEqual(model.values)
})

it("writes the same bytes for the same model", async () => {
  const paths = ["a", "b"].map((name) => join(folder, name))
  for (const path of paths) await writeLlliteFile(path, model, { dtype: "F16" })
  const [a, b] = await Promise.all(paths.map((path) => readFile(path)))
  expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true)
})

it("refuses a file that is for another U-Net", async () => {
  const path = join(folder, "a.safetensors")
  await writeLlliteFile(path, model, { dtype: "F16" })
  await expect(readLlliteFile(path, SDXL_LAYOUT)).rejects.toThrow(/The file is for another U-Net/)
})

it("refuses what is no LLLite", async () => {
  const nothing = {} as Parameters<typeof writeLlliteFile>[1]
  await expect(writeLlliteFile(join(folder, "a"), nothing, { dtype: "F16" })).rejects.toThrow(
    "writeLlliteFile: the adapters of the LLLite",
  )
})

it("leaves no file when a value does not fit the dtype", async () => {
  const values = model.values.slice()
  values[0] = 1e6
  const broken = { ...model, values }
  await expect(writeLlliteFile(join(folder, "a"), broken, { dtype: "F16" })).rejects.toThrow(/too large for F16/)
  expect(await readdir(folder)).toEqual([])
})
