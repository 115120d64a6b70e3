/*
 * What the page's address chooses: `?backend=wasm` or `?backend=webgpu`, and `?precision=F16`.
 */

export type Precision = "F32" | "F16"

/** What stands in the address. */
export interface Addressed<Name extends string> {
  /** As it stands there. Null: nothing does. */
  readonly text: string | null
  /** Null: nothing stands there, or no known name. */
  readonly known: Name | null
}

/** The backend that the address names. A WebGPU that is named may compute in software. */
export function addressedBackend(): Addressed<"webgpu" | "wasm"> {
  return addressed("backend", ["webgpu", "wasm"])
}

/** The precision of products that the address names, on WebGPU. */
export function addressedPrecision(): Addressed<Precision> {
  return addressed("precision", ["F32", "F16"])
}

/** Puts a precision into the address, so that a reload keeps it. F32 is the default, and leaves nothing there. */
export function keepPrecision(precision: Precision): void {
  const url = new URL(location.href)
  if (precision === "F32") url.searchParams.delete("precision")
  else url.searchParams.set("precision", precision)
  history.replaceState(history.state, "", url)
}

function addressed<Name extends string>(parameter: string, names: readonly Name[]): Addressed<Name> {
  const text = new URLSearchParams(location.search).get(parameter)
  const known = names.find((name) => name.toLowerCase() === text?.toLowerCase()) ?? null
  return { text, known }
}
