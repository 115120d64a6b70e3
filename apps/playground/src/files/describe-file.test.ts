import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { expect, it } from "vitest"
import { describeFile } from "./describe-file.ts"

const tinyFile = (name: string): Promise<Uint8Array> =>
  readFile(createRequire(import.meta.url).resolve(`@lllite/tiny/${name}`))

it("describes an LLLite, and its strength in each block", async () => {
  const bytes = await tinyFile("lllite-canny.safetensors")
  const { identity, lllite, parameters, ...rest } = await describeFile("canny.safetensors", bytes)
  expect(rest).toMatchObject({ name: "canny.safetensors", bytes: bytes.byteLength })
  expect(identity.kind).toBe("lllite")
  expect(parameters).toBeGreaterThan(100_000)
  expect(lllite).toMatchObject({ dims: ["32 / 64"], isForSdxl: false, selection: null, sites: 40 })
  expect(lllite?.blocks.reduce((sum, { siteCount }) => sum + siteCount, 0)).toBe(lllite?.sites)
  expect(lllite?.blocks.every(({ strength }) => strength > 0)).toBe(true)
  expect(lllite?.findings.filter(({ severity }) => severity === "error")).toEqual([])
})

it("identifies a checkpoint by its header", async () => {
  const { identity, lllite, tensorCount, traits } = await describeFile("tiny", await tinyFile("tiny-sdxl.safetensors"))
  expect(identity).toMatchObject({ kind: "sdxl-checkpoint" })
  expect(traits).toMatchObject({ prediction: "epsilon", refusals: [], notices: [] })
  expect(lllite).toBeNull()
  expect(tensorCount).toBeGreaterThan(500)
})

it("refuses a file that is not safetensors, and says what it is", async () => {
  await expect(describeFile("model.ckpt", new TextEncoder().encode("PK\u0003\u0004 and so on"))).rejects.toThrow(
    /zip archive/,
  )
})
