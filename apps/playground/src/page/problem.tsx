import type { JSX } from "preact"

/** The text of a problem. Screen readers read it when it appears. Without a problem there is no element. */
export function Problem({ text }: { readonly text: string | null }): JSX.Element | null {
  if (text === null) return null
  return (
    <p class="problem" role="alert">
      {text}
    </p>
  )
}
