import { networkText } from "../controls/network-text.ts"
import { addNetwork, BUILT_IN, type Network, networks } from "../controls/networks.ts"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { changeKept, readKept } from "./database.ts"

/** A network with its file, as the browser keeps it. */
interface KeptNetwork extends Pick<Network, "kind" | "sha256" | "control" | "types"> {
  /** Its name. */
  readonly id: string
  readonly file: Blob
}

/** Lists the networks whose files the browser keeps. They are loaded when they are used. */
export async function openKeptNetworks(): Promise<void> {
  const kept = await readKept<readonly KeptNetwork[]>("networks", (store) => store.getAll()).catch(() => [])
  for (const { id, file, ...rest } of kept) addNetwork({ ...rest, name: id, source: file, isKept: true })
}

/**
 * Keeps the file of a network over a reload.
 *
 * @returns why it is not kept, as a sentence, or null
 */
export async function keepNetwork({ name, kind, source, sha256, control, types }: Network): Promise<Sentence | null> {
  if (!(source instanceof Blob) || name === BUILT_IN) return null
  const kept: KeptNetwork = { id: name, kind, sha256, control, types, file: source }
  try {
    await changeKept(["networks"], (storeOf) => storeOf("networks").put(kept))
    networks.value = networks.value.map((one) => (one.name === name ? { ...one, isKept: true } : one))
    return null
  } catch (error) {
    return sentence("controls", "closedOnReload", networkText(name), problemOf(error))
  }
}

/** Removes the kept file of a network. */
export async function forgetNetwork(name: string): Promise<void> {
  await changeKept(["networks"], (storeOf) => storeOf("networks").delete(name)).catch(() => {})
}
