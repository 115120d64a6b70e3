import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import { signal } from "@preact/signals"
import { useLllite } from "../controls/control-state.ts"
import { sha256Of } from "../controls/lllites.ts"
import type { ReadyModel } from "../page/model.ts"
import { messageOf } from "../page/model.ts"
import type { ControlKind } from "../pictures/control-kinds.ts"
import type { FileDescription } from "./describe-file.ts"

export type FileAnswer =
  | { readonly kind: "description"; readonly description: FileDescription }
  | { readonly kind: "problem"; readonly message: string }

export type FileState = { readonly kind: "none" } | { readonly kind: "reading"; readonly name: string } | FileAnswer

export const fileState = signal<FileState>({ kind: "none" })
/** The file that is shown. */
export const opened = signal<File | null>(null)

let worker: Worker | null = null

/** Reads a file. The reading of an earlier file is stopped. */
export function openFile(file: File): void {
  worker?.terminate()
  const reader = new Worker(new URL("./describe-worker.ts", import.meta.url), { type: "module" })
  worker = reader
  opened.value = file
  fileState.value = { kind: "reading", name: file.name }
  const end = (answer: FileAnswer): void => {
    reader.terminate()
    if (worker !== reader) return
    worker = null
    fileState.value = answer
  }
  reader.addEventListener("message", ({ data }: MessageEvent<FileAnswer>) => end(data))
  reader.addEventListener("error", ({ message }) =>
    end({ kind: "problem", message: `"${file.name}" could not be read: ${message}` }),
  )
  reader.postMessage(file)
}

/** Reads the built-in LLLite. */
export async function openEmbedded(): Promise<void> {
  try {
    const response = await fetch(llliteUrl)
    if (!response.ok) throw new Error(`The server answered ${response.status} to ${llliteUrl}.`)
    openFile(new File([await response.blob()], "lllite-canny.safetensors"))
  } catch (error) {
    fileState.value = { kind: "problem", message: messageOf(error) }
  }
}

/**
 * Uses the file as a control, if it fits the model. Returns the problem, or null.
 *
 * @param kind what its control pictures are, where the file says so
 */
export async function useOpened({ runtime, sdxl }: ReadyModel, kind: ControlKind | null): Promise<string | null> {
  const file = opened.value
  if (file === null) return null
  try {
    const adapter = await runtime.loadAdapter(file, sdxl)
    useLllite({ name: file.name, adapter, sha256: await sha256Of(await file.arrayBuffer()), kind })
    return null
  } catch (error) {
    return messageOf(error)
  }
}
