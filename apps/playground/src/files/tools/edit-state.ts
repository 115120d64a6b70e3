import { signal } from "@preact/signals"
import { problemOf, type Sentence, sentence } from "../../language/sentence.ts"
import { save } from "../../pictures/save.ts"
import type { EditResult, EditTask } from "./edit-file.ts"
import type { EditAnswer } from "./edit-worker.ts"

export type EditState =
  | { readonly phase: "idle" }
  | { readonly phase: "running"; readonly done: number; readonly count: number }
  | { readonly phase: "done"; readonly result: EditResult }
  | { readonly phase: "failed"; readonly problem: Sentence }

export const editState = signal<EditState>({ phase: "idle" })

let worker: Worker | null = null

/** Stops what runs. Nothing of it stays. */
export function stopEdit(): void {
  worker?.terminate()
  worker = null
  editState.value = { phase: "idle" }
}

/** Does something with files, in a worker of its own. A new file is saved through the browser's downloads. */
export function runEdit(task: EditTask): void {
  stopEdit()
  const own = new Worker(new URL("./edit-worker.ts", import.meta.url), { type: "module" })
  worker = own
  editState.value = { phase: "running", done: 0, count: 1 }
  const end = (state: EditState): void => {
    own.terminate()
    if (worker !== own) return
    worker = null
    editState.value = state
  }
  own.addEventListener("message", ({ data }: MessageEvent<EditAnswer>) => {
    if (worker !== own) return
    if (data.kind === "progress") {
      editState.value = { phase: "running", done: data.done, count: data.count }
    } else if (data.kind === "problem") {
      end({ phase: "failed", problem: data.problem })
    } else {
      end({ phase: "done", result: data.result })
      if (data.result.kind === "file") save(data.result.name, data.result.blob)
    }
  })
  own.addEventListener("error", ({ message }) => {
    const cause = message ? problemOf(message) : sentence("files", "workerNotLoaded")
    end({ phase: "failed", problem: sentence("files", "notChanged", cause) })
  })
  own.postMessage(task)
}
