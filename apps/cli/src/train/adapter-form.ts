import type { AdapterDims } from "@lllite/format"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type FormSettings = Pick<
  Settings<typeof TRAIN_OPTIONS>,
  "networkDim" | "condEmbDim" | "conditioner" | "llliteCondInChannels" | "llliteCondInput"
>

/** The form of a new LLLite's adapters. */
export function formOf(settings: FormSettings): AdapterDims {
  const { networkDim: mlpDim, condEmbDim: condDim, conditioner, llliteCondInChannels: channels } = settings
  return {
    ...{ condDim, mlpDim },
    ...(conditioner === "shared" ? { sharedTrunk: true } : {}),
    ...(channels === 4 ? { condChannels: 4 } : {}),
    // Together, they are a problem that `checkForm` keeps.
    ...(settings.llliteCondInput === "latent" && channels !== 4 ? { condInput: "latent" } : {}),
  }
}

/** What the file of an LLLite says of its adapters' form, if it is not sd-scripts'. */
export function formMetadata(adapters: readonly AdapterDims[]): ReadonlyMap<string, string> {
  const isShared = adapters.some(({ sharedTrunk }) => sharedTrunk === true)
  const readsLatents = adapters.some(({ condInput }) => condInput === "latent")
  const inpaints = adapters.some(({ condChannels }) => condChannels === 4)
  return new Map([
    ...(isShared ? ([["lllite.shared_trunk", "true"]] as const) : []),
    // The names of sd-scripts, for LLLites for Anima.
    ...(inpaints
      ? ([
          ["lllite.cond_in_channels", "4"],
          ["lllite.inpaint_masked_input", "true"],
        ] as const)
      : []),
    ...(readsLatents ? ([["lllite.cond_input_space", "latent"]] as const) : []),
  ])
}

/** Options of the form that exclude each other. The reader keeps the problem. */
export function checkForm({ check, nameOf, settings }: OptionReader<typeof TRAIN_OPTIONS>): void {
  const keys = ["llliteCondInput", "llliteCondInChannels"] as const
  check(keys, () => {
    if (settings.llliteCondInput !== "latent" || settings.llliteCondInChannels !== 4) return null
    const [input, channels] = keys.map(nameOf)
    return `${input} is latent and ${channels} is 4, and a hole has no latents. Leave out one of them`
  })
}

/** What other programs cannot do with an LLLite of this form, one sentence each. */
export function formNotices({
  settings,
  nameOf,
}: {
  readonly settings: FormSettings
  readonly nameOf: OptionReader<typeof TRAIN_OPTIONS>["nameOf"]
}): readonly string[] {
  if (settings.llliteCondInChannels === 4) {
    return [
      `Other programs cannot load an LLLite of ${nameOf("llliteCondInChannels")} 4, and it cannot be made plain: it reads a hole beside the picture.`,
    ]
  }
  if (settings.llliteCondInput === "latent") {
    return [
      `Other programs cannot load an LLLite of ${nameOf("llliteCondInput")} latent, and it cannot be made plain: the VAE is not in it.`,
    ]
  }
  if (settings.conditioner === "own") return []
  return [
    `Other programs cannot load an LLLite of ${nameOf("conditioner")} ${settings.conditioner}. lllite convert --plain writes one that computes the same, which they load.`,
  ]
}
