import { followChange } from "../draw/make-picture.ts"
import { forgetNetwork, keepNetwork } from "../kept/kept-networks.ts"
import { sentence } from "../language/sentence.ts"
import { loras } from "../loras/lora-state.ts"
import { unloadNetworks } from "../models/loaded-networks.ts"
import { modelState } from "../page/model.ts"
import { putBack } from "../page/put-back.ts"
import { say } from "../page/status-line.tsx"
import { changeControl, controls } from "./control-state.ts"
import { networkText } from "./network-text.ts"
import { addNetwork, BUILT_IN, type Network, networks } from "./networks.ts"

/** Closes a network and removes its file from the browser. What used it goes back to what is built in. */
export async function removeNetwork(network: Network): Promise<void> {
  const before = { controls: controls.value, loras: loras.value }
  networks.value = networks.value.filter(({ name }) => name !== network.name)
  controls.value = controls.value.map((control) =>
    control.network === network.name ? { ...control, network: BUILT_IN, type: null, kind: "canny" } : control,
  )
  loras.value = loras.value.filter((use) => use.network !== network.name)
  if (modelState.value.phase === "ready") void unloadNetworks(modelState.value.sdxl, network.source)
  await forgetNetwork(network.name)
  followChange()
  say(sentence("page", "removed", networkText(network.name)), () => {
    addNetwork(network)
    if (network.isKept) {
      void keepNetwork(network).then((notKept) => {
        if (notKept !== null) say(notKept)
      })
    }
    // What has changed since stays.
    for (const { id, network: used, type, kind } of before.controls) {
      if (used === network.name) changeControl(id, { network: used, type, kind })
    }
    const taken = before.loras.filter((use) => use.network === network.name)
    loras.value = putBack(loras.value, before.loras, taken)
    followChange()
  })
}
