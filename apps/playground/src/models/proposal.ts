import type { SdxlPlan, WebRuntime } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import { PageError, problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { type ModelSource, modelState } from "../page/model.ts"
import { sizesOf } from "./model-facts.ts"

/** A model that may be opened, with the plan of its memory. */
export type Proposal =
  | { readonly phase: "planning"; readonly from: ModelSource }
  | { readonly phase: "planned"; readonly from: ModelSource; readonly plan: SdxlPlan }
  | { readonly phase: "failed"; readonly from: ModelSource; readonly problem: Sentence }

/** Null: none. */
export const proposal = signal<Proposal | null>(null)

let controller: AbortController | null = null

/** Plans the memory of a model before it is loaded. Only its header is read. */
export async function propose(from: ModelSource): Promise<void> {
  controller?.abort()
  const own = new AbortController()
  controller = own
  proposal.value = { phase: "planning", from }
  try {
    const planned = await plan(from, own.signal)
    if (controller === own) proposal.value = planned
  } catch (error) {
    if (controller === own) proposal.value = { phase: "failed", from, problem: problemOf(error) }
  }
}

/** Gives the proposal up. */
export function endProposal(): void {
  controller?.abort()
  controller = null
  proposal.value = null
}

async function plan(from: ModelSource, signal: AbortSignal): Promise<Proposal> {
  const runtime = await readyRuntime(signal)
  const found = await runtime.planSdxl(from.source, { side: from.side, signal })
  const { sides, best } = sizesOf(found.layout)
  if (sides.includes(from.side)) return { phase: "planned", from, plan: found }
  const fitting = { ...from, side: best.side }
  return {
    ...{ phase: "planned", from: fitting },
    plan: await runtime.planSdxl(from.source, { side: best.side, signal }),
  }
}

/** Waits until a runtime has started. */
function readyRuntime(signal: AbortSignal): Promise<WebRuntime> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      unsubscribe()
      signal.removeEventListener("abort", stop)
    }
    const stop = (): void => {
      end()
      reject(signal.reason)
    }
    let unsubscribe = (): void => {}
    signal.addEventListener("abort", stop)
    const take = (state: typeof modelState.value): void => {
      if (state.phase === "failed") {
        queueMicrotask(end)
        reject(new PageError(sentence("models", "noBackend")))
      } else if ("runtime" in state) {
        queueMicrotask(end)
        resolve(state.runtime)
      }
    }
    unsubscribe = modelState.subscribe(take)
  })
}
