import { describe, expect, it } from "vitest"
import { rawFile } from "../../test/raw-file.ts"
import type { ByteSource } from "../source.ts"
import { fromBytes } from "../source.ts"
import { fromFloat32 } from "../write/encode.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { openSafetensors } from "./read.ts"

const file = serializeSafetensors(
  new Map([
    ["half", { dtype: "F16", shape: [2], bytes: fromFloat32(Float32Array.of(0.5, -3), "F16") }],
    ["single", { dtype: "F32", shape: [1, 2], bytes: fromFloat32(Float32Array.of(1, 2), "F32") }],
    ["count", { dtype: "I64", shape: [], bytes: new Uint8Array(8) }],
  ]),
  new Map([["title", "three"]]),
)

function recording(source: ByteSource): { source: ByteSource; ranges: [number, number][] } {
  const ranges: [number, number][] = []
  const read: ByteSource["read"] = (start, end) => {
    ranges.push([start, end])
    return source.read(start, end)
  }
  return { source: { ...source, read }, ranges }
}

describe("openSafetensors", () => {
  it.each([
    ["bytes", file],
    ["an ArrayBuffer", file.buffer],
    ["a Blob", new Blob([file])],
    ["a source", fromBytes(file)],
  ])("opens %s", async (_, input) => {
    const opened = await openSafetensors(input)
    expect([...opened.tensors.keys()]).toEqual(["count", "single", "half"])
    expect(opened.tensors.get("single")).toMatchObject({ dtype: "F32", shape: [1, 2] })
    expect([...opened.metadata]).toEqual([["title", "three"]])
    expect(opened.size).toBe(file.byteLength)
    expect([...(await opened.readFloat32("half"))]).toEqual([0.5, -3])
    expect([...(await opened.readFloat32("single"))]).toEqual([1, 2])
    expect(await opened.read("count")).toEqual(new Uint8Array(8))
  })

  it("reads the header when opened and one tensor when asked", async () => {
    const { source, ranges } = recording(fromBytes(file))
    const opened = await openSafetensors(source)
    expect(ranges.every(([, end]) => end <= opened.dataStart)).toBe(true)
    ranges.length = 0
    await opened.read("half")
    expect(ranges).toEqual([[file.byteLength - 4, file.byteLength]])
  })

  it("fills an array of the caller's, through the source's own way if it has one", async () => {
    const plain = await openSafetensors(fromBytes(file))
    const filled: number[] = []
    const source: ByteSource = {
      ...fromBytes(file),
      readInto: async (target, start) => {
        filled.push(start)
        target.set(file.subarray(start, start + target.byteLength))
        return target.byteLength
      },
    }
    const direct = await openSafetensors(source)
    filled.length = 0
    for (const opened of [plain, direct]) {
      const target = new Uint8Array(10).fill(7)
      await opened.readInto("half", target.subarray(3, 7))
      expect([...target]).toEqual([7, 7, 7, ...(await plain.read("half")), 7, 7, 7])
      await expect(opened.readInto("half", target)).rejects.toMatchObject({ code: "source-range" })
      await expect(opened.readInto("none", target)).rejects.toMatchObject({ code: "tensor-unknown" })
    }
    expect(filled).toEqual([file.byteLength - 4])
  })

  it("reads no more than 16 bytes of a file whose length is absurd", async () => {
    const { source, ranges } = recording(fromBytes(rawFile("{}", 1000, 0xffff_ffff_ffff_ffffn)))
    await expect(openSafetensors(source)).rejects.toMatchObject({ code: "header-too-long" })
    expect(ranges).toEqual([[0, 16]])
  })

  it("refuses names the file has not, special ones too", async () => {
    const opened = await openSafetensors(fromBytes(file, "three.safetensors"))
    for (const name of ["quarter", "__proto__", "constructor"]) {
      const expected = { code: "tensor-unknown", tensor: name, source: "three.safetensors" }
      await expect(opened.read(name)).rejects.toMatchObject(expected)
      await expect(opened.readFloat32(name)).rejects.toMatchObject(expected)
    }
  })

  it("refuses to read integers as float32, by the tensor's name", async () => {
    const opened = await openSafetensors(file)
    await expect(opened.readFloat32("count")).rejects.toMatchObject({ code: "dtype-unsupported", tensor: "count" })
  })

  it("notices a file that shrinks after it was opened", async () => {
    let size = file.byteLength
    const shrinking: ByteSource = {
      size,
      label: "shrinking",
      read: async (start, end) => file.subarray(start, Math.min(end, size)),
    }
    const opened = await openSafetensors(shrinking)
    size -= 1
    await expect(opened.read("half")).rejects.toMatchObject({ code: "source-short-read" })
  })
})
