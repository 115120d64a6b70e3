import type { OptionKind, OptionText, TakenOption } from "../options/option.ts"
import { taken } from "../options/option.ts"

/** Shortest and longest side of a picture, as multiples of the face in it. */
export type FaceRange = readonly [least: number, most: number]

const RANGE = "two numbers above 0 such as 2,4, the smaller one first"

/** The range of `face_crop_aug_range`: `2,4`, or in TOML a list of two numbers. */
export function faceRange(spec: OptionText): TakenOption<FaceRange | undefined> {
  const kind: OptionKind<FaceRange | undefined> = {
    arity: "one",
    valueName: "range",
    range: RANGE,
    empty: undefined,
    read: (raw) => {
      const parts: readonly unknown[] = typeof raw === "string" ? raw.split(",") : Array.isArray(raw) ? raw : []
      const [least, most, ...rest] = parts.map((part) =>
        typeof part === "string" && part.trim() !== "" ? Number(part) : typeof part === "number" ? part : Number.NaN,
      )
      if (least === undefined || most === undefined || rest.length > 0) return { expected: RANGE }
      return least > 0 && least <= most && Number.isFinite(most) ? { value: [least, most] } : { expected: RANGE }
    },
  }
  return taken(kind, { ...spec, nothing: ["", "none", "null", ...(spec.nothing ?? [])] })
}
