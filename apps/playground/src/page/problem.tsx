import type { JSX } from "preact"

/** What went wrong, read out when it appears; nothing where nothing did. */
export function Problem({ text }: { readonly text: string | null }): JSX.Element | null {
  if (text === null) return null
  return (
    <p class="problem" role="alert">
      {text}
    </p>
  )
}
