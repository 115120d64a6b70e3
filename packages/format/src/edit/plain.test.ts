import { describe, expect, it } from "vitest"
import { smallLllite, smallSites } from "../../test/lllite-file.ts"
import { checkLllite } from "../health/check.ts"
import type { LlliteFile } from "../lllite/read.ts"
import { readLllite } from "../lllite/read.ts"
import { siteTensorShapes } from "../lllite/tensors.ts"
import { serializeLllite } from "../write/lllite.ts"
import { safetensorsChunks } from "../write/safetensors.ts"
import { compareLllites } from "./compare.ts"
import type { SafetensorsContents } from "./contents.ts"
import { convertSafetensors } from "./convert.ts"
import { mergeLllites } from "./merge.ts"
import { pruneLllite } from "./prune.ts"
import { sdScriptsProblem } from "./reference-readers.ts"
import { resizeLllite } from "./resize.ts"

/** Some sites of each depth. */
const plainSites = smallSites().filter((_, i) => i % 7 === 0)
const sites = plainSites.map((site) => ({ ...site, sharedTrunk: true }))

function sharedFile(scale = 1): Promise<Uint8Array<ArrayBuffer>> {
  return serializeLllite({
    sites,
    values: (site, name) => {
      const shape = siteTensorShapes(site, site).get(name) ?? []
      const length = shape.reduce((product, size) => product * size, 1)
      return Float32Array.from({ length }, (_, i) => scale * Math.sin(i + site.inDim + name.length))
    },
    dtype: "F32",
    metadata: new Map([
      ["lllite.shared_trunk", "true"],
      ["modelspec.title", "mine"],
    ]),
  })
}

async function read({ tensors, metadata }: SafetensorsContents): Promise<LlliteFile> {
  const chunks: BlobPart[] = []
  for await (const chunk of safetensorsChunks(tensors, metadata)) chunks.push(chunk.slice())
  return readLllite(new Blob(chunks))
}

describe("a shared trunk made plain", () => {
  it("stands at every site with the same bytes", async () => {
    const bytes = await sharedFile()
    const [before, after] = [await readLllite(bytes), await read(await convertSafetensors(bytes, { plain: true }))]
    expect(after.sites).toEqual(plainSites)
    expect([...after.metadata]).toEqual([["modelspec.title", "mine"]])
    const { sites: distances, onlyFirst, onlySecond } = await compareLllites(before, after)
    expect([onlyFirst, onlySecond]).toEqual([[], []])
    expect(distances.map(({ parameters }) => parameters?.largest)).toEqual(sites.map(() => 0))
    expect(sdScriptsProblem(before)).toMatch(/share a trunk/)
    expect(sdScriptsProblem(after)).not.toMatch(/share a trunk/)
  })

  it("gets a dtype and names of training at the same time", async () => {
    const bytes = await sharedFile()
    const { tensors, converted } = await convertSafetensors(bytes, { plain: true, dtype: "F16", keys: "training" })
    expect(converted).toBe(tensors.size)
    const path = sites[0]?.path
    expect(tensors.get(`${path}.lllite_conditioning1.0.weight`)).toMatchObject({ dtype: "F16", shape: [2, 3, 4, 4] })
  })

  it("leaves a plain LLLite as it is", async () => {
    const bytes = await smallLllite()
    const { tensors, leftOut } = await convertSafetensors(bytes, { plain: true })
    expect(leftOut).toEqual([])
    expect((await read({ tensors, metadata: undefined })).sites).toEqual(smallSites())
  })

  it("is needed for names of training, and not for a dtype", async () => {
    const bytes = await sharedFile()
    await expect(convertSafetensors(bytes, { keys: "training" })).rejects.toThrow(/Make the LLLite plain first/)
    expect((await read(await convertSafetensors(bytes, { keys: "file", dtype: "F16" }))).dims?.sharedTrunk).toBe(true)
  })
})

describe("an LLLite with a shared trunk keeps it", () => {
  it("when it is pruned, of the depths that stay", async () => {
    const pruned = await read(pruneLllite(await readLllite(await sharedFile()), ({ depth }) => depth === 2))
    expect(pruned.dims?.sharedTrunk).toBe(true)
    expect([...pruned.safetensors.tensors.keys()].filter((name) => name.includes("depth3"))).toEqual([])
  })

  it("when it is merged with one like it, and refuses a plain one", async () => {
    const [a, b] = [await readLllite(await sharedFile()), await readLllite(await sharedFile(3))]
    const weights = [
      { file: a, weight: 0.5 },
      { file: b, weight: 0.5 },
    ]
    const merged = await read(mergeLllites(weights))
    const [first] = merged.sites as [LlliteFile["sites"][number]]
    const [one, mean] = [
      await a.tensor(first, "conditioning1.0.bias"),
      await merged.tensor(first, "conditioning1.0.bias"),
    ]
    expect(mean).toEqual(one.map((value) => 2 * value))
    const plain = { file: await readLllite(await smallLllite({ sites: plainSites })), weight: 0.5 }
    expect(() => mergeLllites([{ file: a, weight: 0.5 }, plain])).toThrow(/has a shared trunk.*--plain/)
  })

  it("when another mlpDim is asked for. With another condDim each site gets its own conditioner", async () => {
    const file = await readLllite(await sharedFile())
    const wider = await read(await resizeLllite(file, { dims: { mlpDim: 5 } }))
    expect(wider.dims).toEqual({ condDim: 4, mlpDim: 5, sharedTrunk: true })
    expect(wider.metadata.get("lllite.shared_trunk")).toBe("true")
    const narrow = await read(await resizeLllite(file, { dims: { condDim: 2 } }))
    expect(narrow.dims).toEqual({ condDim: 2, mlpDim: 3 })
    expect(narrow.metadata.has("lllite.shared_trunk")).toBe(false)
  })

  it("and is as healthy as the plain one", async () => {
    const bytes = await sharedFile()
    const plain = await read(await convertSafetensors(bytes, { plain: true }))
    const [own, other] = [await checkLllite(await readLllite(bytes)), await checkLllite(plain)]
    expect(own.sites.map(({ strength, norms }) => [strength, norms])).toEqual(
      other.sites.map(({ strength, norms }) => [strength, norms]),
    )
    expect(own.findings).toEqual(other.findings)
  })
})
