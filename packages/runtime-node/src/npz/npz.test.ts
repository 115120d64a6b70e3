import { spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { zipSync } from "fflate"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import type { NumpyArray } from "./npy.ts"
import { readNpy, writeNpy } from "./npy.ts"
import { npzFile, parseNpz, readNpz } from "./npz.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-npz-"))
})
afterEach(() => rm(folder, { recursive: true }))

const anyArray: fc.Arbitrary<NumpyArray> = fc
  .tuple(
    fc.constantFrom(Float32Array, Float64Array, Uint8Array, Int32Array),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    fc.integer(),
  )
  .map(([Kind, shape, seed]) => {
    const count = shape.reduce((product, side) => product * side, 1)
    const values = new Kind(count)
    for (let i = 0; i < count; i++) values[i] = Math.sin(seed + i) * 200
    return { shape, values }
  })

/** A header as numpy writes it, with the bytes of numbers. */
const npy = (descr: string, shape: string, data: Uint8Array, order = "False"): Uint8Array => {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`
  const bytes = new Uint8Array(10 + header.length + data.length)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8])
  bytes.set(new TextEncoder().encode(header), 10)
  bytes.set(data, 10 + header.length)
  return bytes
}

describe("arrays of numpy", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(anyArray, (array) => {
        expect(readNpy(writeNpy(array), "a")).toEqual(array)
      }),
    )
  })

  it("begin at a multiple of 64 bytes, as numpy writes them", () => {
    for (const shape of [[], [3], [4, 64, 96], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]) {
      const values = new Float32Array(shape.reduce((product, side) => product * side, 1))
      const bytes = writeNpy({ shape, values })
      expect((bytes.length - values.byteLength) % 64).toBe(0)
      expect(String.fromCharCode(bytes[bytes.length - values.byteLength - 1] ?? 0)).toBe("\n")
    }
  })

  it("may have half floats, other byte orders and 64-bit integers", () => {
    const halves = Uint8Array.of(0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c)
    expect(readNpy(npy("<f2", "(4,)", halves), "a").values).toEqual(
      Float32Array.of(1, -2, 2 ** -24, Number.POSITIVE_INFINITY),
    )
    expect(readNpy(npy(">f4", "(1,)", Uint8Array.of(0x3f, 0x80, 0, 0)), "a").values).toEqual(Float32Array.of(1))
    const long = Uint8Array.of(0, 4, 0, 0, 0, 0, 0, 0)
    expect(readNpy(npy("<i8", "(1,)", long), "a").values).toEqual(BigInt64Array.of(1024n))
  })

  it.each([
    ["no bytes", new Uint8Array(), "it begins otherwise"],
    ["a pickle", npy("|O", "(1,)", new Uint8Array(8)), "its numbers are O"],
    ["a name that every object has", npy("<toString", "(1,)", new Uint8Array(8)), "its numbers are toString"],
    ["columns first", npy("<f4", "(1, 2)", new Uint8Array(8), "True"), "column-major"],
    ["too few numbers", npy("<f4", "(3,)", new Uint8Array(8)), "8 bytes of numbers, expected 12"],
    ["a huge shape", npy("<f4", "(99999999, 99999999, 99999999)", new Uint8Array(8)), "8 bytes of numbers"],
    ["no shape", npy("<f4", "[3]", new Uint8Array(8)), "lacks the order or the shape"],
  ])("are refused: %s", (_, bytes, message) => {
    expect(() => readNpy(bytes, '"a.npz": latents.npy')).toThrow(message)
  })

  it("are refused or read, and never crash, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 200 }), (noise, at) => {
        const bytes = writeNpy({ shape: [2, 3], values: new Float32Array(6) })
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
        try {
          readNpy(bytes, "a")
        } catch (error) {
          expect(error).toMatchObject({ name: "InputError" })
        }
      }),
    )
  })
})

describe("files of arrays", () => {
  it("come back as they were written, and only the arrays that are asked for", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_0-9]{1,12}$/), anyArray, { maxKeys: 4 }), (arrays) => {
        const map = new Map(Object.entries(arrays))
        expect(parseNpz(npzFile(map), "a.npz")).toEqual(map)
        expect(parseNpz(npzFile(map), "a.npz", () => false).size).toBe(0)
      }),
    )
  })

  it("may be deflated", () => {
    const array = { shape: [2], values: Float32Array.of(1, 2) }
    const bytes = zipSync({ "latents.npy": writeNpy(array), "other.txt": new Uint8Array(3) }, { level: 9 })
    expect(parseNpz(bytes, "a.npz")).toEqual(new Map([["latents", array]]))
  })

  it("are refused when they are cut, no ZIP files, or say a size that they do not have", async () => {
    const bytes = npzFile(new Map([["latents", { shape: [64], values: new Float32Array(64) }]]))
    for (const broken of [bytes.subarray(0, 100), new Uint8Array(50), new Uint8Array()]) {
      expect(() => parseNpz(broken, "a.npz")).toThrow('"a.npz" is not an .npz file')
    }
    const bomb = bytes.slice()
    // The size of the contents in the central directory.
    const at = bomb.length - 22 - 46 - "latents.npy".length + 24
    new DataView(bomb.buffer).setUint32(at, 0xfffffff0, true)
    expect(() => parseNpz(bomb, "a.npz")).toThrow("too large")
    await expect(readNpz(join(folder, "none.npz"))).rejects.toThrow("there is no such file")
  })

  it("are the same bytes for the same arrays", () => {
    const arrays = new Map([["a", { shape: [1], values: Float32Array.of(1) }]])
    expect(npzFile(arrays)).toEqual(npzFile(arrays))
  })
})

/** A Python that has numpy. LLLITE_PYTHON names another one. */
const PYTHON = process.env.LLLITE_PYTHON ?? "python3"
const python = (script: string, ...args: readonly string[]) =>
  spawnSync(PYTHON, ["-c", script, ...args], { encoding: "utf8" })
const hasNumpy = python("import numpy").status === 0

describe("files of arrays and numpy", needs("Python with numpy", hasNumpy), () => {
  it("are read by numpy, value for value", async () => {
    const path = join(folder, "a.npz")
    const arrays = new Map<string, NumpyArray>([
      ["latents", { shape: [1, 2, 2], values: Float32Array.of(1.5, -2, 3, Math.fround(0.1)) }],
      ["original_size", { shape: [2], values: BigInt64Array.of(512n, 768n) }],
      ["crop_ltrb", { shape: [4], values: Float64Array.of(0, 13, 0.5, 2) }],
    ])
    await writeFile(path, npzFile(arrays))
    const script = `
import json, sys, numpy
file = numpy.load(sys.argv[1])
print(json.dumps({name: [str(file[name].dtype), list(file[name].shape), file[name].ravel().tolist()] for name in file.files}))`
    const { stdout, stderr } = python(script, path)
    expect(stderr).toBe("")
    expect(JSON.parse(stdout)).toEqual({
      latents: ["float32", [1, 2, 2], [1.5, -2, 3, Math.fround(0.1)]],
      original_size: ["int64", [2], [512, 768]],
      crop_ltrb: ["float64", [4], [0, 13, 0.5, 2]],
    })
  })

  it.each(["savez", "savez_compressed"])("are read as numpy's %s writes them", async (save) => {
    const path = join(folder, "a.npz")
    const script = `
import sys, numpy
numpy.${save}(sys.argv[1], latents=numpy.arange(24, dtype="float32").reshape(4, 2, 3), half=numpy.array([0.5, -1.25], dtype="float16"),
  original_size=numpy.array([512, 768]), crop_ltrb=numpy.array((0, 13.5, 64, 100.5)), one=numpy.float32(7))`
    expect(python(script, path).stderr).toBe("")
    const arrays = await readNpz(path)
    expect(arrays.get("latents")).toEqual({ shape: [4, 2, 3], values: Float32Array.from({ length: 24 }, (_, i) => i) })
    expect(arrays.get("half")?.values).toEqual(Float32Array.of(0.5, -1.25))
    expect(arrays.get("original_size")?.values).toEqual(BigInt64Array.of(512n, 768n))
    expect(arrays.get("crop_ltrb")?.values).toEqual(Float64Array.of(0, 13.5, 64, 100.5))
    expect(arrays.get("one")).toEqual({ shape: [], values: Float32Array.of(7) })
  })
})
