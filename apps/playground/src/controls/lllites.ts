import type { AdapterHandle } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import type { ControlKind } from "../pictures/control-kinds.ts"

/** The LLLite of this page has this name. */
export const BUILT_IN = "Canny, built in"

/** An LLLite that a control can use. */
export interface NamedLllite {
  /** No two have the same. */
  readonly name: string
  readonly adapter: AdapterHandle
  /** Of its file, 64 hexadecimal digits. Null: it has no file, or the browser makes no hashes. */
  readonly sha256: string | null
  /** What it was trained on, where it is known. */
  readonly kind: ControlKind | null
}

/** All LLLites: the built-in one, those from files, and those that were trained here. */
export const lllites = signal<readonly NamedLllite[]>([])

/** Adds an LLLite. A name that is taken gets a number. Returns the name. */
export function addLllite(lllite: NamedLllite): string {
  const taken = new Set(lllites.value.map(({ name }) => name))
  let { name } = lllite
  for (let count = 2; taken.has(name); count++) name = `${lllite.name} (${count})`
  lllites.value = [...lllites.value, { ...lllite, name }]
  return name
}

/** The SHA-256 of bytes. Null where the browser makes no hashes: it does so for `https:` and this machine alone. */
export async function sha256Of(bytes: BufferSource): Promise<string | null> {
  if (globalThis.crypto?.subtle === undefined) return null
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}
