import { canStore, listStored, removeStored, type StoredFile } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { followWith } from "../controls/control-state.ts"
import { type Network, networks } from "../controls/networks.ts"
import { useLora } from "../controls/open-network.ts"
import { removeNetwork } from "../controls/remove-network.ts"
import { followChange } from "../draw/make-picture.ts"
import { show } from "../page/app-state.ts"
import { bytesText } from "../page/bytes.ts"
import { messageOf } from "../page/message.ts"
import { modelState } from "../page/model.ts"
import { say } from "../page/status-line.tsx"
import { storedSource, textSource } from "./model-source.ts"
import { propose } from "./proposal.ts"

/** Downloads that the browser keeps. */
const stored = signal<readonly StoredFile[]>([])

/** Lists the downloads anew. A browser that keeps nothing has none. */
async function refreshStored(): Promise<void> {
  stored.value = canStore() ? await listStored().catch(() => []) : []
}

const KINDS = { lllite: "LLLite", controlnet: "ControlNet", lora: "LoRA" } as const

/** Files that the browser keeps, with their sizes, and what uses or removes them. */
export function KeptFiles(): JSX.Element | null {
  const { phase } = modelState.value
  useEffect(() => {
    void refreshStored()
  }, [phase])
  const kept = networks.value.filter(({ isKept }) => isKept)
  if (stored.value.length + kept.length === 0) return null
  const sizes = [...stored.value.map(({ size }) => size), ...kept.map(sizeOf)]
  return (
    <section aria-labelledby="kept-files">
      <h2 id="kept-files">Kept in this browser, {bytesText(sizes.reduce((sum, size) => sum + size, 0))}</h2>
      <ul class="kept-files">
        {stored.value.map((file) => (
          <Download key={file.name} file={file} />
        ))}
        {kept.map((network) => (
          <li key={network.name}>
            <span class="kept-name">{network.name}</span>
            <span class="note">
              {KINDS[network.kind]}, {bytesText(sizeOf(network))}
            </span>
            <span class="row">
              <button type="button" class="quiet" onClick={() => use(network)}>
                Use
              </button>
              <button
                type="button"
                class="quiet"
                aria-label={`Remove ${network.name}`}
                onClick={() => void removeNetwork(network)}
              >
                Remove
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Download({ file: { name, url, size, total, isWhole } }: { readonly file: StoredFile }): JSX.Element {
  const { value: state } = modelState
  const source = isWhole ? storedSource(name, url) : textSource(url)
  return (
    <li>
      <span class="kept-name">{source.name}</span>
      <span class="note">
        Checkpoint, {isWhole ? bytesText(size) : `${bytesText(size)}${total === null ? "" : ` of ${bytesText(total)}`}`}
        {isWhole ? "" : ", not complete"}
      </span>
      <span class="row">
        <button type="button" class="quiet" disabled={state.phase !== "ready"} onClick={() => void propose(source)}>
          {isWhole ? "Open" : "Continue"}
        </button>
        <button
          type="button"
          class="quiet"
          aria-label={`Remove ${source.name}`}
          disabled={state.phase === "loading"}
          onClick={() => {
            removeStored(name)
              .then(() => say(`${source.name} is removed.`))
              .catch((error: unknown) => say(messageOf(error)))
              .finally(() => void refreshStored())
          }}
        >
          Remove
        </button>
      </span>
    </li>
  )
}

function use(network: Network): void {
  if (network.kind === "lora") useLora(network)
  else followWith(network)
  show("draw")
  followChange()
}

function sizeOf({ source }: Network): number {
  return source instanceof Blob ? source.size : 0
}
