import type { FloatDtype } from "@lllite/format"
import type { OptionTable, Settings, TakenOption } from "@lllite/runtime-node/options"
import { file, flag, taken } from "@lllite/runtime-node/options"

/** `--json`, of every command that reports something. */
export const JSON_OPTION = { json: flag({ help: "Print one JSON object." }) } satisfies OptionTable

/** Where a command writes its file. */
export const OUTPUT_OPTIONS = {
  output: file({ required: "a file to write", help: "File to write." }),
  force: flag({ help: "Replace the output if it exists. The output may be the input." }),
  ...JSON_OPTION,
} satisfies OptionTable

export type OutputOptions = Settings<typeof OUTPUT_OPTIONS>

const DTYPE_NAMES: ReadonlyMap<string, FloatDtype> = new Map<string, FloatDtype>([
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

/** A dtype, by its name in safetensors, PyTorch or sd-scripts. */
export function dtype(spec: {
  readonly help: string
  readonly otherwise?: string
}): TakenOption<FloatDtype | undefined> {
  const names = "F32, F16, BF16, F64, F8_E4M3, F8_E5M2"
  return taken<FloatDtype | undefined>(
    {
      arity: "one",
      valueName: "dtype",
      range: names,
      empty: undefined,
      read: (raw) => {
        const value = typeof raw === "string" ? DTYPE_NAMES.get(raw.toLowerCase()) : undefined
        return value === undefined ? { expected: `one of ${names}` } : { value }
      },
    },
    spec,
  )
}
