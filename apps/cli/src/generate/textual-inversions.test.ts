import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serializeSafetensors } from "@lllite/format/write"
import { afterAll, beforeAll, expect, it } from "vitest"
import { findTextualInversions } from "./textual-inversions.ts"

let folder: string
const at = (...names: readonly string[]): string => join(folder, ...names)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-inversions-"))
  const tensors = (...names: readonly string[]) =>
    serializeSafetensors(
      new Map(names.map((name) => [name, { dtype: "F32", shape: [2, 1], bytes: new Uint8Array(8) } as const])),
    )
  await mkdir(at("embeddings"))
  await mkdir(at("empty"))
  await writeFile(at("embeddings", "ink.safetensors"), tensors("clip_l", "clip_g"))
  await writeFile(at("embeddings", "notes.txt"), "")
  await writeFile(at("one.v2.safetensors"), tensors("clip_l", "clip_g"))
  await writeFile(at("older.safetensors"), tensors("emb_params"))
  await writeFile(at("old.pt"), "PK\u0003\u0004 and more bytes")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it("finds files, and those of folders, by their names", async () => {
  expect(await findTextualInversions([at("embeddings"), at("one.v2.safetensors")])).toEqual([
    { name: "ink", file: { path: at("embeddings", "ink.safetensors") } },
    { name: "one.v2", file: { path: at("one.v2.safetensors") } },
  ])
})

it.each([
  ["old.pt", "Convert it to safetensors"],
  ["older.safetensors", "Give a textual inversion for SDXL"],
  ["empty", "has no safetensors file"],
  ["nothing.safetensors", "nothing.safetensors"],
])("refuses %s before anything is loaded", async (name, message) => {
  await expect(findTextualInversions([at(name)])).rejects.toThrow(message)
})
