import type { JSX } from "preact"
import { Said } from "../language/said.tsx"
import type { Sentence } from "../language/sentence.ts"

/** What went wrong. Screen readers read it when it appears. Without a problem there is no element. */
export function Problem({ of }: { readonly of: Sentence | readonly Sentence[] | null }): JSX.Element | null {
  if (of === null) return null
  return (
    <p class="problem" role="alert">
      <Said of={of} />
    </p>
  )
}
