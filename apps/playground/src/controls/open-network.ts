import type { ControlType } from "@lllite/format/identify"
import { sha256Of } from "../hashes/sha256-of.ts"
import { keepNetwork } from "../kept/kept-networks.ts"
import { PageError, remark, type Sentence, sentence } from "../language/sentence.ts"
import { loras, newLora } from "../loras/lora-state.ts"
import { loadNetwork } from "../models/loaded-networks.ts"
import { modelState } from "../page/model.ts"
import type { ControlKind } from "../pictures/control-kinds.ts"
import { changeControl, followWith, networkChoice } from "./control-state.ts"
import { addNetwork, type Network } from "./networks.ts"

/** What is known of the file of a network. */
export interface NetworkFile {
  readonly kind: Network["kind"]
  readonly file: File
  /** What it was trained on, where it is known. */
  readonly control: ControlKind | null
  readonly types: readonly ControlType[]
}

/**
 * Opens a LoRA, an LLLite or a ControlNet, keeps its file over a reload, and uses it.
 *
 * @param controlId the control that gets it. Null: the first. A LoRA is for all
 * @returns what is to be said of it
 * @throws Error for a file that is broken or does not fit the model
 */
export async function openNetwork(
  { kind, file, control, types }: NetworkFile,
  controlId: number | null = null,
): Promise<readonly Sentence[]> {
  const { value: model } = modelState
  if (model.phase !== "ready") throw new PageError(sentence("page", "modelNotReady", file.name))
  const wanted: Network = {
    ...{ name: file.name, kind, source: file, sha256: null, control, types, isKept: false },
  }
  // Before anything is changed, it is known whether it fits.
  const [loaded, sha256] = await Promise.all([loadNetwork(model, wanted), sha256Of(file)])
  const network = addNetwork({ ...wanted, sha256 })
  if (kind === "lora") useLora(network)
  else if (controlId === null) followWith(network)
  else changeControl(controlId, networkChoice(network))
  const notKept = network.isKept ? null : await keepNetwork(network)
  const use = sentence("controls", kind === "lora" ? "usedAsLora" : "usedAsControl", network.name)
  return [use, ...loaded.handle.notices.map(remark), ...(notKept === null ? [] : [notKept])]
}

/** Adds a LoRA to the next picture, once. */
export function useLora({ name }: Pick<Network, "name">): void {
  if (!loras.value.some(({ network }) => network === name)) loras.value = [...loras.value, newLora(name)]
}
