import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import { signal } from "@preact/signals"
import { useLllite } from "../controls/control-state.ts"
import { sha256Of } from "../controls/lllites.ts"
import { messageOf, modelState } from "../page/model.ts"
import { controlKindOf } from "../pictures/control-kinds.ts"
import type { FileDescription } from "./describe-file.ts"

export type FileAnswer =
  | { readonly kind: "description"; readonly description: FileDescription }
  | { readonly kind: "problem"; readonly message: string }

export type FileState = { readonly kind: "none" } | { readonly kind: "reading"; readonly name: string } | FileAnswer

export const fileState = signal<FileState>({ kind: "none" })
/** The file that is shown. */
export const opened = signal<File | null>(null)

/** Ends the running reading. */
let stopReading: (() => void) | null = null

/** Reads a file. The reading of an earlier file is stopped. Returns null if a later file stops this one. */
export function openFile(file: File): Promise<FileAnswer | null> {
  stopReading?.()
  const reader = new Worker(new URL("./describe-worker.ts", import.meta.url), { type: "module" })
  opened.value = file
  fileState.value = { kind: "reading", name: file.name }
  return new Promise((resolve) => {
    stopReading = () => {
      reader.terminate()
      stopReading = null
      resolve(null)
    }
    const end = (answer: FileAnswer): void => {
      resolve(answer)
      stopReading?.()
      fileState.value = answer
    }
    reader.addEventListener("message", ({ data }: MessageEvent<FileAnswer>) => end(data))
    reader.addEventListener("error", ({ message }) =>
      end({ kind: "problem", message: `"${file.name}" could not be read: ${message}` }),
    )
    reader.postMessage(file)
  })
}

/** Reads the built-in LLLite. */
export async function openEmbedded(): Promise<void> {
  try {
    const response = await fetch(llliteUrl)
    if (!response.ok) throw new Error(`The server answered ${response.status} to ${llliteUrl}.`)
    await openFile(new File([await response.blob()], "lllite-canny.safetensors"))
  } catch (error) {
    fileState.value = { kind: "problem", message: messageOf(error) }
  }
}

/** Uses the LLLite that is shown as a control, if it fits the model. Returns the problem, or null. */
export async function useOpened(): Promise<string | null> {
  const [file, { value: model }, { value: state }] = [opened.value, modelState, fileState]
  if (file === null || model.phase !== "ready") return "The model is not ready yet. Try again in a moment."
  const preprocessor = state.kind === "description" ? state.description.lllite?.preprocessor : null
  try {
    const adapter = await model.runtime.loadAdapter(file, model.sdxl)
    const kind = preprocessor == null ? null : controlKindOf(preprocessor)
    useLllite({ name: file.name, adapter, sha256: await sha256Of(await file.arrayBuffer()), kind })
    return null
  } catch (error) {
    return messageOf(error)
  }
}
