import type { FunctionComponent, JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { messages } from "../language/language.ts"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { Problem } from "./problem.tsx"

/** A panel whose code is loaded when it is first shown. */
export function DeferredPanel({ load }: { readonly load: () => Promise<FunctionComponent> }): JSX.Element {
  const [Panel, setPanel] = useState<FunctionComponent | null>(null)
  const [problem, setProblem] = useState<Sentence | null>(null)
  useEffect(() => {
    load().then(
      (loaded) => setPanel(() => loaded),
      (error: unknown) => setProblem(sentence("page", "partNotLoaded", problemOf(error))),
    )
  }, [])
  if (problem !== null) return <Problem of={problem} />
  return Panel === null ? <p class="note">{messages.value.page.loading}</p> : <Panel />
}
