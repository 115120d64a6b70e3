import { describe, expect, it } from "vitest"
import { identify } from "../identify/identify.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { openSharded } from "./sharded.ts"

const shard = (...names: readonly string[]): Uint8Array<ArrayBuffer> =>
  serializeSafetensors(
    new Map(
      names.map((name, i) => [name, { dtype: "F32", shape: [1], bytes: new Uint8Array(Float32Array.of(i).buffer) }]),
    ),
    new Map([["format", "pt"]]),
  )

const files: Record<string, Uint8Array<ArrayBuffer>> = {
  "a.safetensors": shard("double_blocks.0.x", "__proto__"),
  "β.safetensors": shard("b"),
}
const map = { "double_blocks.0.x": "a.safetensors", b: "β.safetensors" }

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const index = new TextEncoder().encode(
  `{"metadata":{"total_size":12},"weight_map":{"__proto__":"a.safetensors",${JSON.stringify(map).slice(1)}}`,
)
const open = async (name: string): Promise<Uint8Array<ArrayBuffer>> => files[name] ?? new Uint8Array(0)

describe("openSharded", () => {
  it("reads several files as one", async () => {
    const file = await openSharded(index, open)
    expect([...file.tensors.keys()]).toEqual(["__proto__", "double_blocks.0.x", "b"])
    expect([...file.shards.keys()]).toEqual(["a.safetensors", "β.safetensors"])
    expect(file.size).toBe(Object.values(files).reduce((sum, bytes) => sum + bytes.byteLength, 0))
    expect([...(await file.readFloat32("double_blocks.0.x"))]).toEqual([0])
    expect((await file.read("b")).byteLength).toBe(4)
    expect([...file.metadata]).toEqual([["format", "pt"]])
    expect(identify(file).kind).toBe("flux-checkpoint")
    await expect(file.read("c")).rejects.toMatchObject({ code: "tensor-unknown" })
  })

  it.each([
    ["text that is not JSON", new TextEncoder().encode("hello")],
    ["bytes that are not UTF-8", Uint8Array.of(0x7b, 0xff)],
    ["an array", json([])],
    ["no weight_map", json({ metadata: {} })],
    ["no files", json({ weight_map: {} })],
    ["a number for a file", json({ weight_map: { a: 1 } })],
    ["a way out of the folder", json({ weight_map: { a: "../a.safetensors" } })],
    ["an absolute path", json({ weight_map: { a: "/etc/a.safetensors" } })],
    ["another server", json({ weight_map: { a: "https://example.com/a.safetensors" } })],
    ["an escaped way out", json({ weight_map: { a: "..%2fa.safetensors" } })],
    ["a pickle", json({ weight_map: { a: "pytorch_model.bin" } })],
  ])("refuses %s, before any file is opened", async (_, bytes) => {
    const never = async (): Promise<never> => {
      throw new Error("opened")
    }
    await expect(openSharded(bytes, never)).rejects.toMatchObject({ code: "index" })
  })

  it("refuses an index that names missing tensors, or leaves tensors out", async () => {
    await expect(openSharded(json({ weight_map: { ...map, c: "a.safetensors" } }), open)).rejects.toMatchObject({
      code: "index",
      tensor: "c",
    })
    await expect(openSharded(json({ weight_map: map }), open)).rejects.toMatchObject({
      code: "index",
      tensor: "__proto__",
    })
  })

  it("refuses a broken file with its problem", async () => {
    const cut = async (name: string): Promise<Uint8Array> => (await open(name)).subarray(0, -1)
    await expect(openSharded(index, cut)).rejects.toMatchObject({ code: "data-truncated" })
  })
})
