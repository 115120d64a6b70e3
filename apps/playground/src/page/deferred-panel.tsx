import type { FunctionComponent, JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { messageOf } from "./message.ts"
import { Problem } from "./problem.tsx"

/** A panel whose code is loaded when it is first shown. */
export function DeferredPanel({ load }: { readonly load: () => Promise<FunctionComponent> }): JSX.Element {
  const [Panel, setPanel] = useState<FunctionComponent | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    load().then(
      (loaded) => setPanel(() => loaded),
      (error: unknown) =>
        setProblem(`This part of the page could not be loaded: ${messageOf(error)}. Reload the page.`),
    )
  }, [])
  if (problem !== null) return <Problem text={problem} />
  return Panel === null ? <p class="note">Loading …</p> : <Panel />
}
