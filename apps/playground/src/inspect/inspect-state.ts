import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import { signal } from "@preact/signals"
import type { ReadyModel } from "../page/model.ts"
import { addLllite, messageOf } from "../page/model.ts"
import type { FileDescription } from "./describe-file.ts"

export type InspectAnswer =
  | { readonly kind: "description"; readonly description: FileDescription }
  | { readonly kind: "problem"; readonly message: string }

export type InspectState =
  | { readonly kind: "none" }
  | { readonly kind: "reading"; readonly name: string }
  | InspectAnswer

export const inspectState = signal<InspectState>({ kind: "none" })
/** The file that is shown. */
export const inspected = signal<File | null>(null)

let worker: Worker | null = null

/** Reads a file. The reading of an earlier file is stopped. */
export function inspect(file: File): void {
  worker?.terminate()
  const reader = new Worker(new URL("./inspect-worker.ts", import.meta.url), { type: "module" })
  worker = reader
  inspected.value = file
  inspectState.value = { kind: "reading", name: file.name }
  const end = (answer: InspectAnswer): void => {
    reader.terminate()
    if (worker !== reader) return
    worker = null
    inspectState.value = answer
  }
  reader.addEventListener("message", ({ data }: MessageEvent<InspectAnswer>) => end(data))
  reader.addEventListener("error", ({ message }) =>
    end({ kind: "problem", message: `"${file.name}" could not be read: ${message}` }),
  )
  reader.postMessage(file)
}

/** Reads the built-in LLLite. */
export async function inspectEmbedded(): Promise<void> {
  try {
    const response = await fetch(llliteUrl)
    if (!response.ok) throw new Error(`The server answered ${response.status} to ${llliteUrl}.`)
    inspect(new File([await response.blob()], "lllite-canny.safetensors"))
  } catch (error) {
    inspectState.value = { kind: "problem", message: messageOf(error) }
  }
}

/** Chooses the file for steering, if it fits the embedded model. Returns the problem, or null. */
export async function useInspected({ runtime, sdxl }: ReadyModel): Promise<string | null> {
  const file = inspected.value
  if (file === null) return null
  try {
    addLllite(file.name, await runtime.loadAdapter(file, sdxl))
    return null
  } catch (error) {
    return messageOf(error)
  }
}
