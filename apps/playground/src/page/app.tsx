import type { JSX } from "preact"
import { DrawPanel } from "../draw/draw-panel.tsx"
import { messages } from "../language/language.ts"
import { LanguageChoice } from "../language/language-choice.tsx"
import type { PanelId } from "./app-state.ts"
import { show, shown } from "./app-state.ts"
import { DeferredPanel } from "./deferred-panel.tsx"
import { ModelButton, ModelFailure } from "./model-button.tsx"
import { StatusLine, UndoButton } from "./status-line.tsx"

/** The code of the panels that are hidden at first comes when they are shown. */
const PANELS = [
  { id: "draw", content: () => <DrawPanel /> },
  {
    id: "train",
    content: () => <DeferredPanel load={async () => (await import("../train/train-panel.tsx")).TrainPanel} />,
  },
  {
    id: "files",
    content: () => <DeferredPanel load={async () => (await import("../files/files-panel.tsx")).FilesPanel} />,
  },
] as const satisfies readonly {
  readonly id: PanelId
  readonly content: () => JSX.Element
}[]

const seen = new Set<PanelId>()

/** The page: a bar with its name, the tabs and the model, and the panel of the chosen tab. */
export function App(): JSX.Element {
  seen.add(shown.value)
  const words = messages.value.page
  return (
    <>
      <header class="top-bar">
        <h1>LLLite</h1>
        <nav aria-label={words.parts}>
          <div role="tablist" class="tabs" onKeyDown={moveTab}>
            {PANELS.map(({ id }) => (
              <button
                key={id}
                type="button"
                role="tab"
                id={`tab-${id}`}
                aria-controls={`panel-${id}`}
                aria-selected={shown.value === id}
                tabIndex={shown.value === id ? 0 : -1}
                onClick={() => show(id)}
              >
                {words[id]}
              </button>
            ))}
          </div>
        </nav>
        <UndoButton />
        <LanguageChoice />
        <ModelButton />
      </header>
      <main>
        <ModelFailure />
        {PANELS.map(({ id, content }) => (
          <section
            key={id}
            role="tabpanel"
            class="panel"
            id={`panel-${id}`}
            aria-labelledby={`tab-${id}`}
            hidden={shown.value !== id}
          >
            {seen.has(id) && content()}
          </section>
        ))}
      </main>
      <StatusLine />
    </>
  )
}

/** Moves between tabs with arrow keys, Home and End, as in the ARIA pattern for tabs. */
function moveTab(event: KeyboardEvent): void {
  const at = PANELS.findIndex(({ id }) => id === shown.value)
  const last = PANELS.length - 1
  const to = { ArrowLeft: at === 0 ? last : at - 1, ArrowRight: at === last ? 0 : at + 1, Home: 0, End: last }[
    event.key
  ]
  const panel = to === undefined ? undefined : PANELS[to]
  if (panel === undefined) return
  event.preventDefault()
  show(panel.id)
  document.getElementById(`tab-${panel.id}`)?.focus()
}
