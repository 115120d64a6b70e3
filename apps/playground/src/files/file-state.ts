import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import { signal } from "@preact/signals"
import { openNetwork } from "../controls/open-network.ts"
import { PageError, problemOf, remark, type Sentence, sentence } from "../language/sentence.ts"
import { showModelPanel } from "../models/model-panel-state.ts"
import { fileSource } from "../models/model-source.ts"
import { openVae } from "../models/open-chosen.ts"
import { propose } from "../models/proposal.ts"
import { controlKindOf } from "../pictures/control-kinds.ts"
import type { FileDescription } from "./describe-file.ts"

export type FileAnswer =
  | { readonly kind: "description"; readonly description: FileDescription }
  | { readonly kind: "problem"; readonly problem: Sentence }

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
      end({ kind: "problem", problem: sentence("files", "notRead", file.name, problemOf(message)) }),
    )
    reader.postMessage(file)
  })
}

/** Reads the built-in LLLite. */
export async function openEmbedded(): Promise<void> {
  try {
    const response = await fetch(llliteUrl)
    if (!response.ok) throw new PageError(sentence("page", "serverAnswered", response.status, llliteUrl))
    await openFile(new File([await response.blob()], "lllite-canny.safetensors"))
  } catch (error) {
    fileState.value = { kind: "problem", problem: problemOf(error) }
  }
}

/** What a file is. Of an unknown one, the package says what it found. */
export function identitySaid({ kind, detail }: FileDescription["identity"]): Sentence {
  return sentence("files", "identity", kind, kind === "unknown" ? remark(detail) : detail)
}

/** What the page can do with a file of a kind. */
export type FileUse = "lllite" | "controlnet" | "lora" | "vae" | "model"

/** What the page can do with a file. Null: it can only describe it. */
export function useOf({ identity: { kind, base } }: Pick<FileDescription, "identity">): FileUse | null {
  if (kind === "lllite") return "lllite"
  if (kind === "sdxl-checkpoint") return "model"
  if (kind === "vae") return "vae"
  const isForSdxl = base === null || base === "sdxl"
  if (kind === "controlnet" && isForSdxl) return "controlnet"
  return (kind === "lora" || kind === "lycoris") && isForSdxl ? "lora" : null
}

/**
 * Uses the file that is shown as what it is: a control, a LoRA, a VAE or a model, whose plan is then shown.
 *
 * @returns what is to be said of it, or null
 * @throws PageError for a file that does not fit the model
 */
export async function useOpened(): Promise<readonly Sentence[] | null> {
  const [file, { value: state }] = [opened.value, fileState]
  if (file === null || state.kind !== "description") return null
  const { description } = state
  const use = useOf(description)
  if (use === null) {
    throw new PageError(sentence("files", "onlyDescribed", file.name, identitySaid(description.identity)))
  }
  if (use === "model") {
    showModelPanel()
    await propose(fileSource(file))
    return null
  }
  if (use === "vae") {
    await openVae(file)
    return null
  }
  const preprocessor = description.lllite?.preprocessor ?? null
  const control = preprocessor === null ? null : controlKindOf(preprocessor)
  return openNetwork({ kind: use, file, control, types: description.controlTypes })
}
