import { describe, expect, it } from "vitest"
import { identify } from "../identify/identify.ts"
import type { ByteSource } from "../source.ts"
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
    const target = new Uint8Array(4)
    await file.readInto("__proto__", target)
    expect([...target]).toEqual([0, 0, 0x80, 0x3f])
    await expect(file.read("c")).rejects.toMatchObject({ code: "tensor-unknown", tensor: "c" })
  })

  it("opens at most four files at once, and each once", async () => {
    const names = Array.from({ length: 9 }, (_, i) => `${i}.safetensors`)
    const opened: string[] = []
    let open = 0
    let most = 0
    const count = async (name: string): Promise<Uint8Array> => {
      opened.push(name)
      most = Math.max(most, ++open)
      await new Promise((resolve) => setTimeout(resolve, 1))
      open--
      return shard(`tensor of ${name}`)
    }
    const weights = Object.fromEntries(names.map((name) => [`tensor of ${name}`, name]))
    const file = await openSharded(json({ weight_map: weights }), count)
    expect([...file.shards.keys()]).toEqual(names)
    expect(opened.toSorted()).toEqual(names)
    expect(most).toBe(4)
  })

  it("takes as many files as 10,000, and an index of 128 MiB", async () => {
    const weights = (count: number): Uint8Array =>
      json({ weight_map: Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, `${i}.safetensors`])) })
    const never = async (): Promise<never> => {
      throw new Error("opened")
    }
    await expect(openSharded(weights(10_000), never)).rejects.toThrow("opened")
    await expect(openSharded(weights(10_001), never)).rejects.toMatchObject({
      code: "index",
      message: expect.stringMatching(/it names 10001 files, expected 1 to 10000/),
    })
    const sized = (size: number): ByteSource => ({
      ...{ size, label: "large.json" },
      read: async () => {
        throw new Error("read")
      },
    })
    await expect(openSharded(sized(128 * 2 ** 20), never)).rejects.toThrow("read")
    await expect(openSharded(sized(128 * 2 ** 20 + 1), never)).rejects.toMatchObject({
      code: "index",
      source: "large.json",
      message: expect.stringMatching(/134217729 bytes, expected at most 134217728/),
    })
  })

  it.each([
    ["text that is not JSON", new TextEncoder().encode("hello"), /hello.*JSON/],
    ["bytes that are not UTF-8", Buffer.from('{"weight_map":{"\xff":"a.safetensors"}}', "latin1"), /utf-8/],
    ["an array", json([]), /"weight_map": there is none/],
    ["no weight_map", json({ metadata: {} }), /there is none/],
    ["a weight_map that is null", json({ weight_map: null }), /there is none/],
    ["a weight_map that is a list", json({ weight_map: ["a.safetensors"] }), /there is none/],
    ["no files", json({ weight_map: {} }), /it names 0 files, expected 1 to 10000/],
    ["a number for a file", json({ weight_map: { a: 1 } }), /the file of "a" is not text/],
    [
      "a way out of the folder",
      json({ weight_map: { a: "../a.safetensors" } }),
      /"\.\.\/a\.safetensors" is not the name/,
    ],
    ["an absolute path", json({ weight_map: { a: "/etc/a.safetensors" } }), /not the name/],
    ["a path of Windows", json({ weight_map: { a: "b\\a.safetensors" } }), /not the name/],
    ["another server", json({ weight_map: { a: "https://example.com/a.safetensors" } }), /not the name/],
    ["an escaped way out", json({ weight_map: { a: "..%2fa.safetensors" } }), /not the name/],
    ["a hidden file", json({ weight_map: { a: ".a.safetensors" } }), /not the name/],
    ["a pickle", json({ weight_map: { a: "pytorch_model.bin" } }), /not the name/],
    ["a name that goes on", json({ weight_map: { a: "a.safetensors.exe" } }), /not the name/],
  ])("refuses %s, before any file is opened", async (_, bytes, message) => {
    const never = async (): Promise<never> => {
      throw new Error("opened")
    }
    await expect(openSharded(bytes, never)).rejects.toMatchObject({
      code: "index",
      message: expect.stringMatching(message),
    })
  })

  it("refuses an index that names missing tensors, or leaves tensors out", async () => {
    await expect(openSharded(json({ weight_map: { ...map, c: "a.safetensors" } }), open)).rejects.toMatchObject({
      code: "index",
      tensor: "c",
      message: expect.stringMatching(/it is in "a\.safetensors", but that file has no such tensor/),
    })
    await expect(openSharded(json({ weight_map: map }), open)).rejects.toMatchObject({
      code: "index",
      tensor: "__proto__",
      message: expect.stringMatching(/the file "a\.safetensors" has it, but the index does not name it there/),
    })
    await expect(openSharded(json({ weight_map: { ...map, b: "a.safetensors" } }), open)).rejects.toMatchObject({
      tensor: "b",
    })
  })

  it("refuses a broken file with its problem", async () => {
    const cut = async (name: string): Promise<Uint8Array> => (await open(name)).subarray(0, -1)
    await expect(openSharded(index, cut)).rejects.toMatchObject({ code: "data-truncated" })
  })
})
