import { canStore, listStored, removeStored, type StoredFile } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { followWith } from "../controls/control-state.ts"
import { networkText } from "../controls/network-text.ts"
import { type Network, networks } from "../controls/networks.ts"
import { useLora } from "../controls/open-network.ts"
import { removeNetwork } from "../controls/remove-network.ts"
import { followChange } from "../draw/make-picture.ts"
import { messages } from "../language/language.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { show } from "../page/app-state.ts"
import { bytesText } from "../page/bytes.ts"
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
  const { models: words, page } = messages.value
  const sizes = [...stored.value.map(({ size }) => size), ...kept.map(sizeOf)]
  return (
    <section aria-labelledby="kept-files">
      <h2 id="kept-files">{words.kept(bytesText(sizes.reduce((sum, size) => sum + size, 0)))}</h2>
      <ul class="kept-files">
        {stored.value.map((file) => (
          <Download key={file.name} file={file} />
        ))}
        {kept.map((network) => (
          <li key={network.name}>
            <span class="kept-name">{networkText(network.name)}</span>
            <span class="note">{words.networkOf(KINDS[network.kind], bytesText(sizeOf(network)))}</span>
            <span class="row">
              <button type="button" class="quiet" onClick={() => use(network)}>
                {words.use}
              </button>
              <button
                type="button"
                class="quiet"
                aria-label={page.removeNamed(networkText(network.name))}
                onClick={() => void removeNetwork(network)}
              >
                {page.remove}
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
  const { models: words, page } = messages.value
  const source = isWhole ? storedSource(name, url) : textSource(url)
  return (
    <li>
      <span class="kept-name" translate={false}>
        {source.name}
      </span>
      <span class="note">
        {words.checkpointOf(bytesText(size), isWhole || total === null ? null : bytesText(total), isWhole)}
      </span>
      <span class="row">
        <button type="button" class="quiet" disabled={state.phase !== "ready"} onClick={() => void propose(source)}>
          {isWhole ? words.open : words.continue}
        </button>
        <button
          type="button"
          class="quiet"
          aria-label={page.removeNamed(source.name)}
          disabled={state.phase === "loading"}
          onClick={() => {
            removeStored(name)
              .then(() => say(sentence("page", "removed", source.name)))
              .catch((error: unknown) => say(problemOf(error)))
              .finally(() => void refreshStored())
          }}
        >
          {page.remove}
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
