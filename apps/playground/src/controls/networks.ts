import type { LlliteModel } from "@lllite/core/models"
import type { ControlType } from "@lllite/format/identify"
import { computed, signal } from "@preact/signals"
import type { ControlKind } from "../pictures/control-kinds.ts"

/** The LLLite of this page has this name. */
export const BUILT_IN = "Canny, built in"

/** What acts beside a model: an LLLite or a ControlNet follows a picture, and a LoRA changes the style. */
export interface Network {
  /** No two have the same. */
  readonly name: string
  readonly kind: "lllite" | "controlnet" | "lora"
  readonly source: Blob | LlliteModel
  /** Of its file, 64 hexadecimal digits. Null: it has no file, or one that cannot be read. */
  readonly sha256: string | null
  /** What it was trained on, where it is known. */
  readonly control: ControlKind | null
  /** The control types of a ControlNet Union. Otherwise empty. */
  readonly types: readonly ControlType[]
  /** Whether the browser keeps its file over a reload. */
  readonly isKept: boolean
}

/** All networks: the built-in LLLite, those from files, and those that were trained here. */
export const networks = signal<readonly Network[]>([])

/** Those that follow a picture. */
export const followers = computed(() => networks.value.filter(({ kind }) => kind !== "lora"))

/** The network of a name. */
export function networkOf(name: string): Network | undefined {
  return networks.value.find((network) => network.name === name)
}

/** Adds a network, if its file is not there already. A name that is taken by another file gets a number. */
export function addNetwork(network: Network): Network {
  const { sha256, source } = network
  const isSame = (one: Network): boolean =>
    one.source === source || (one.name === network.name && one.sha256 === sha256 && sha256 !== null)
  const known = networks.value.find(isSame)
  if (known !== undefined) return known
  const taken = new Set(networks.value.map(({ name }) => name))
  let { name } = network
  for (let count = 2; taken.has(name); count++) name = `${network.name} (${count})`
  const added = { ...network, name }
  networks.value = [...networks.value, added]
  return added
}
