import type { StoredFile } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { followWith } from "../controls/control-state.ts"
import { networkText } from "../controls/network-text.ts"
import { type Network, networks } from "../controls/networks.ts"
import { useLora } from "../controls/open-network.ts"
import { removeNetwork } from "../controls/remove-network.ts"
import { followChange } from "../draw/make-picture.ts"
import { forgetVae, keepVae, keptVaes } from "../kept/kept-vaes.ts"
import { messages } from "../language/language.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { show } from "../page/app-state.ts"
import { bytesText } from "../page/bytes.ts"
import { modelState } from "../page/model.ts"
import { say } from "../page/status-line.tsx"
import { storedSource, textSource } from "./model-source.ts"
import { openVae } from "./open-chosen.ts"
import { propose } from "./proposal.ts"
import { refreshStored, removeDownload, stored } from "./stored-downloads.ts"

const KINDS = { vae: "VAE", lllite: "LLLite", controlnet: "ControlNet", lora: "LoRA" } as const

/** Files that the browser keeps, with their sizes, and what uses or removes them. */
export function KeptFiles(): JSX.Element | null {
  const { phase } = modelState.value
  useEffect(() => {
    void refreshStored()
  }, [phase])
  const kept = networks.value.filter(({ isKept }) => isKept)
  const { value: vaes } = keptVaes
  if (stored.value.length + kept.length + vaes.length === 0) return null
  const words = messages.value.models
  const sizes = [...stored.value.map(({ size }) => size), ...kept.map(sizeOf), ...vaes.map(({ size }) => size)]
  return (
    <section aria-labelledby="kept-files">
      <h2 id="kept-files">{words.kept(bytesText(sizes.reduce((sum, size) => sum + size, 0)))}</h2>
      <ul class="kept-files">
        {stored.value.map((file) => (
          <Download key={file.name} file={file} />
        ))}
        {kept.map((network) => (
          <Weights
            key={network.name}
            name={networkText(network.name)}
            kind={network.kind}
            size={sizeOf(network)}
            onUse={() => use(network)}
            onRemove={() => void removeNetwork(network)}
          />
        ))}
        {vaes.map((vae) => (
          <Weights
            key={vae.name}
            name={vae.name}
            kind="vae"
            size={vae.size}
            onUse={modelState.value.phase === "ready" ? () => useVae(vae) : null}
            onRemove={() => void removeVae(vae)}
          />
        ))}
      </ul>
    </section>
  )
}

/** A file that acts beside a model, or replaces a part of it. */
function Weights(props: {
  readonly name: string
  readonly kind: keyof typeof KINDS
  /** In bytes. */
  readonly size: number
  /** Null: it cannot be used now. */
  readonly onUse: (() => void) | null
  readonly onRemove: () => void
}): JSX.Element {
  const { name, kind, size, onUse, onRemove } = props
  const { models: words, page } = messages.value
  return (
    <li>
      <span class="kept-name" translate={false}>
        {name}
      </span>
      <span class="note">{words.networkOf(KINDS[kind], bytesText(size))}</span>
      <span class="row">
        <button type="button" class="quiet" disabled={onUse === null} onClick={() => onUse?.()}>
          {words.use}
        </button>
        <button type="button" class="quiet" aria-label={page.removeNamed(name)} onClick={onRemove}>
          {page.remove}
        </button>
      </span>
    </li>
  )
}

function Download({ file }: { readonly file: StoredFile }): JSX.Element {
  const { name, url, size, total, isWhole } = file
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
          onClick={() => void removeDownload(file, source.name)}
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

function useVae(vae: File): void {
  openVae(vae).catch((error: unknown) => say(problemOf(error)))
}

async function removeVae(vae: File): Promise<void> {
  try {
    await forgetVae(vae)
    say(sentence("page", "removed", vae.name), () => {
      void keepVae(vae).then((notKept) => {
        if (notKept !== null) say(notKept)
      })
    })
  } catch (error) {
    say(problemOf(error))
  }
}

function sizeOf({ source }: Network): number {
  return source instanceof Blob ? source.size : 0
}
