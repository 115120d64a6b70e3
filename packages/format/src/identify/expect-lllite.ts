import { FormatError } from "../errors.ts"
import type { SafetensorsFile } from "../safetensors/read.ts"
import { identify } from "./identify.ts"
import type { FileKind } from "./kind-rules.ts"

/**
 * Refuses a file that is not an LLLite for SDXL, and names its kind. `readLllite` also refuses it, but does not load
 * the rules that find the kind.
 *
 * @throws FormatError `wrong-kind`
 */
export function expectLllite(file: Pick<SafetensorsFile, "tensors" | "label">): void {
  const { kind, detail } = identify(file)
  if (kind === "lllite") return
  const advice = ADVICE[kind] ?? "Give an LLLite file: its tensors' names begin with lllite_unet_."
  throw new FormatError("wrong-kind", `expected a ControlNet-LLLite for SDXL, this is ${detail}. ${advice}`, {
    source: file.label,
  })
}

const ADVICE: Partial<Record<FileKind, string>> = {
  "lllite-anima": "It runs with Anima only.",
  "sdxl-checkpoint": "Load it as the base model, and an LLLite beside it.",
  controlnet: "A ControlNet is another kind of adapter. Load it as one, or find an LLLite of the same control.",
}
