import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { smallLllite } from "../../test/lllite-file.ts"
import { written } from "../../test/write-contents.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { toFloat32 } from "../safetensors/dtype.ts"
import { openSafetensors } from "../safetensors/read.ts"
import { fromFloat32 } from "../write/encode.ts"
import type { TensorBytes } from "../write/safetensors.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { convertSafetensors } from "./convert.ts"
import { convertElements } from "./convert-elements.ts"

const f64 = (...values: number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer)

/** All finite values of a small float, ascending, and the next one after them. */
function finiteValues(dtype: "F16" | "F8_E4M3" | "F8_E5M2"): number[] {
  const bytes =
    dtype === "F16"
      ? new Uint8Array(Uint16Array.from({ length: 0x7c01 }, (_, i) => i).buffer)
      : Uint8Array.from({ length: 128 }, (_, i) => i)
  const values = [...toFloat32(bytes, dtype)].filter(Number.isFinite)
  return [...values, 2 * (values.at(-1) ?? 0) - (values.at(-2) ?? 0)]
}

describe("convertElements", () => {
  it.each(["F16", "F8_E4M3", "F8_E5M2"] as const)("rounds a float64 to %s once, to nearest, ties to even", (dtype) => {
    const values = finiteValues(dtype)
    const check = (value: number): void => {
      // The neighbours are a few bits wide, so these differences and halves are exact.
      let low = 0
      let high = values.length - 1
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if ((values[middle] as number) <= value) low = middle
        else high = middle
      }
      const middle = ((values[low] as number) + (values[high] as number)) / 2
      const nearest = value < middle ? low : value > middle ? high : low % 2 === 0 ? low : high
      const [result] = toFloat32(convertElements(f64(value), "F64", dtype).bytes, dtype)
      if (nearest === values.length - 1) expect(Number.isFinite(result)).toBe(false)
      else expect(result).toBe(values[nearest])
    }
    // Just beside a tie: where rounding to float32 first would land on the tie, and then on the wrong side.
    for (let i = 0; i + 1 < values.length; i += dtype === "F16" ? 61 : 1) {
      const tie = ((values[i] as number) + (values[i + 1] as number)) / 2
      for (const factor of [1 - 2 ** -40, 1, 1 + 2 ** -40]) check(tie * factor)
    }
    const top = values.at(-1) ?? 0
    fc.assert(fc.property(fc.double({ min: 0, max: top, noNaN: true }), check), { numRuns: 1000 })
  })

  it("is the same as two steps through F32 for every other dtype", () => {
    const dtypes = ["F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"] as const
    fc.assert(
      fc.property(fc.constantFrom(...dtypes), fc.constantFrom(...dtypes), fc.float32Array(), (from, to, values) => {
        const bytes = fromFloat32(values, from)
        const expected = from === to ? bytes : fromFloat32(toFloat32(bytes, from), to)
        expect(convertElements(bytes, from, to).bytes).toEqual(expected)
      }),
    )
  })

  it("counts what is lost", () => {
    const lost = (to: FloatDtype, ...values: number[]): number => convertElements(f64(...values), "F64", to).lost
    const infinity = Number.POSITIVE_INFINITY
    expect(lost("F32", 1, 3.5e38, -1e300, infinity, Number.NaN)).toBe(2)
    expect(lost("F16", 65519.999, 65520, infinity)).toBe(1)
    expect(lost("BF16", 1e300, 3.39e38, infinity)).toBe(1)
    // E4M3 has no infinity, so that is lost, too.
    expect(lost("F8_E4M3", 448, 464, 464.0000001, -infinity, Number.NaN)).toBe(2)
  })

  it("keeps NaN", () => {
    for (const to of ["F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"] as const) {
      expect([...toFloat32(convertElements(f64(Number.NaN), "F64", to).bytes, to)]).toEqual([Number.NaN])
    }
  })
})

describe("convertSafetensors", () => {
  const tensor = (dtype: TensorBytes["dtype"], bytes: Uint8Array): TensorBytes => ({ dtype, shape: [1], bytes })
  const mixed = serializeSafetensors(
    new Map([
      ["wide", tensor("F32", fromFloat32(Float32Array.of(0.1), "F32"))],
      ["half", tensor("F16", fromFloat32(Float32Array.of(2), "F16"))],
      ["count", tensor("I64", Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0))],
    ]),
    new Map([
      ["modelspec.title", "t"],
      ["modelspec.hash_sha256", "0x00"],
      ["sshs_model_hash", "00"],
    ]),
  )

  it("changes float tensors, keeps others, and removes hashes that would be wrong", async () => {
    const result = await convertSafetensors(mixed, { dtype: "F16" })
    expect(result).toMatchObject({ converted: 1, kept: ["count"], leftOut: [] })
    const file = await openSafetensors(await written(result))
    expect([...file.tensors.values()].map(({ name, dtype }) => [name, dtype])).toEqual([
      ["count", "I64"],
      ["half", "F16"],
      ["wide", "F16"],
    ])
    expect([...(await file.readFloat32("wide"))]).toEqual([
      ...toFloat32(fromFloat32(Float32Array.of(0.1), "F16"), "F16"),
    ])
    expect([...(await file.read("count"))]).toEqual([7, 0, 0, 0, 0, 0, 0, 0])
    expect([...file.metadata]).toEqual([["modelspec.title", "t"]])
  })

  it("gives the bytes of a file that was written in the dtype", async () => {
    const [f32, f16] = [await smallLllite(), await smallLllite({ dtype: "F16" })]
    expect(await written(await convertSafetensors(f32, { dtype: "F16" }))).toEqual(f16)
  })

  it("refuses a value that is too large by the tensor's name and the byte, unless it may overflow", async () => {
    const file = serializeSafetensors(new Map([["t", tensor("F32", fromFloat32(Float32Array.of(1e6), "F32"))]]))
    const { dataStart } = await openSafetensors(file)
    await expect(written(await convertSafetensors(file, { dtype: "F16" }))).rejects.toMatchObject({
      code: "value-range",
      tensor: "t",
      offset: dataStart,
      message: expect.stringMatching(/1 value is too large for F16/),
    })
    const allowed = await openSafetensors(
      await written(await convertSafetensors(file, { dtype: "F16", overflow: "infinity" })),
    )
    expect([...(await allowed.readFloat32("t"))]).toEqual([Number.POSITIVE_INFINITY])
  })

  it("reads, converts and yields a large tensor in pieces", async () => {
    const values = Float32Array.from({ length: 2 ** 20 + 5 }, (_, i) => i / 7)
    const file = serializeSafetensors(
      new Map([["t", { dtype: "F32", shape: [values.length], bytes: fromFloat32(values, "F32") }]]),
    )
    let largest = 0
    const source = {
      size: file.byteLength,
      label: "large",
      read: async (start: number, end: number) => {
        largest = Math.max(largest, end - start)
        return file.subarray(start, end)
      },
    }
    const result = await openSafetensors(await written(await convertSafetensors(source, { dtype: "BF16" })))
    expect(largest).toBe(2 ** 22)
    expect(await result.readFloat32("t")).toEqual(toFloat32(fromFloat32(values, "BF16"), "BF16"))
  })

  it("converts an LLLite's names to those of training and back, from a state with other tensors", async () => {
    const file = await smallLllite()
    const state = await openSafetensors(await written(await convertSafetensors(file, { keys: "training" })))
    const [name = ""] = state.tensors.keys()
    expect(name).toMatch(/^input_blocks\.4\.1\.transformer_blocks\.0\.attn1\.to_k\.lllite_conditioning1\.0\.bias$/)
    const tensors = new Map<string, TensorBytes>([["input_blocks.0.0.weight", tensor("U8", Uint8Array.of(1))]])
    for (const [key, info] of state.tensors) tensors.set(`_orig_mod.${key}`, { ...info, bytes: await state.read(key) })
    const back = await convertSafetensors(serializeSafetensors(tensors), { keys: "file" })
    expect(back.leftOut).toEqual(["input_blocks.0.0.weight"])
    expect(await written(back)).toEqual(file)
  })

  it("refuses names in a file without an adapter, and two tensors of one name", async () => {
    await expect(convertSafetensors(mixed, { keys: "file" })).rejects.toMatchObject({ code: "site-unknown" })
    const site = "input_blocks.4.1.transformer_blocks.0.attn1.to_q.lllite_down.0.bias"
    const twice = serializeSafetensors(
      new Map([
        [site, tensor("U8", Uint8Array.of(1))],
        [`module.${site}`, tensor("U8", Uint8Array.of(1))],
      ]),
    )
    await expect(convertSafetensors(twice, { keys: "file" })).rejects.toMatchObject({ code: "write-input" })
  })
})
