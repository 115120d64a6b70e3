import type { JSX } from "preact"
import { messages } from "./language.ts"
import { detailsOf, type Sentence, textOf } from "./sentence.ts"

/** A sentence, or several, in the language of the page. What a package said in English stands below it. */
export function Said({ of }: { readonly of: Sentence | readonly Sentence[] }): JSX.Element {
  const { value: words } = messages
  return (
    <>
      {textOf(of, words)}
      {detailsOf(of, words).map((english) => (
        <small key={english} lang="en" class="detail">
          {english}
        </small>
      ))}
    </>
  )
}

/** Sentences beside a result, each in a paragraph. */
export function Notes({ of }: { readonly of: readonly Sentence[] }): JSX.Element {
  return (
    <>
      {of.map((said, index) => (
        <p class="note" key={index}>
          <Said of={said} />
        </p>
      ))}
    </>
  )
}
