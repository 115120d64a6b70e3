import type { JSX } from "preact"
import { InspectPanel } from "../inspect/inspect-panel.tsx"
import { SteerPanel } from "../steer/steer-panel.tsx"
import { TrainPanel } from "../train/train-panel.tsx"
import type { PanelId } from "./app-state.ts"
import { show, shown } from "./app-state.ts"
import { ModelStatus } from "./model-status.tsx"

const PANELS = [
  { id: "steer", title: "Steer", Panel: SteerPanel },
  { id: "train", title: "Train", Panel: TrainPanel },
  { id: "inspect", title: "Inspect", Panel: InspectPanel },
] as const satisfies readonly { readonly id: PanelId; readonly title: string; readonly Panel: () => JSX.Element }[]

/** The page: its title, the state of the model, and three panels as tabs. */
export function App(): JSX.Element {
  return (
    <>
      <header class="page-header">
        <h1>LLLite playground</h1>
        <p>
          Your drawing steers a tiny SDXL through a small adapter, a ControlNet-LLLite. Everything runs in this tab.
          Your drawings and files never leave it.
        </p>
        <ModelStatus />
      </header>
      <div role="tablist" aria-label="What to do" class="tabs" onKeyDown={moveTab}>
        {PANELS.map(({ id, title }) => (
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
            {title}
          </button>
        ))}
      </div>
      <main>
        {PANELS.map(({ id, Panel }) => (
          <section
            key={id}
            role="tabpanel"
            id={`panel-${id}`}
            aria-labelledby={`tab-${id}`}
            hidden={shown.value !== id}
          >
            <Panel />
          </section>
        ))}
      </main>
      <footer class="page-footer">
        Apache-2.0. The tiny SDXL draws one or two coloured shapes on white paper and knows few words. The same code
        runs the real SDXL.
      </footer>
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
