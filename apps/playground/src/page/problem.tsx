import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { codesIn, type Sentence } from "../language/sentence.ts"
import { startAgain } from "../models/open-chosen.ts"

/** Failures after which the runtime computes nothing any more. A new one does. */
const ENDED: readonly string[] = ["device-lost", "worker-failed", "worker-ended"]

/**
 * What went wrong. Screen readers read it when it appears. After the end of the runtime a button starts it again. Without
 * a problem there is no element.
 */
export function Problem({ of }: { readonly of: Sentence | readonly Sentence[] | null }): JSX.Element | null {
  if (of === null) return null
  const isEnded = codesIn(of).some((code) => ENDED.includes(code))
  return (
    <div class="problem" role="alert">
      <Said of={of} />
      {isEnded && (
        <button type="button" onClick={() => void startAgain()}>
          {messages.value.models.startAgain}
        </button>
      )}
    </div>
  )
}
