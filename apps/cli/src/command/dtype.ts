import type { FloatDtype } from "@lllite/format"
import type { OptionKind } from "@lllite/runtime-node/options"

/** Names of dtypes in safetensors, PyTorch and sd-scripts, in lower case. */
const NAMES: ReadonlyMap<string, FloatDtype> = new Map<string, FloatDtype>([
  ["f64", "F64"],
  ["float64", "F64"],
  ["f32", "F32"],
  ["fp32", "F32"],
  ["float", "F32"],
  ["float32", "F32"],
  ["f16", "F16"],
  ["fp16", "F16"],
  ["half", "F16"],
  ["float16", "F16"],
  ["bf16", "BF16"],
  ["bfloat16", "BF16"],
  ["f8_e4m3", "F8_E4M3"],
  ["fp8_e4m3", "F8_E4M3"],
  ["float8_e4m3fn", "F8_E4M3"],
  ["f8_e5m2", "F8_E5M2"],
  ["fp8_e5m2", "F8_E5M2"],
  ["float8_e5m2", "F8_E5M2"],
])

/** Dtypes of values in a file. */
export const FILE_DTYPES = ["F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2"] as const satisfies readonly FloatDtype[]

/**
 * An option whose value is a dtype, by any of its names. Errors and help name dtypes as safetensors does.
 *
 * @param allowed the dtypes that the option takes, and words such as `file`
 */
export function dtypeKind<const Dtype extends FloatDtype | "file">(
  allowed: readonly [Dtype, ...Dtype[]],
): OptionKind<Dtype> {
  const range = allowed.join(", ")
  return {
    arity: "one",
    valueName: "dtype",
    range,
    empty: allowed[0],
    read: (raw) => {
      const text = typeof raw === "string" ? raw.toLowerCase() : ""
      const name = NAMES.get(text) ?? text
      const value = allowed.find((dtype) => dtype === name)
      return value === undefined ? { expected: `one of ${range}` } : { value }
    },
  }
}
