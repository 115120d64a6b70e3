import { fromBytes, openSafetensors, type SafetensorsFile } from "@lllite/format"
import { referenceBytes, referenceJson } from "../../format/test/reference.ts"

/** A description, NAME.json. */
export function readDescription<T>(name: string): T {
  return referenceJson(`${name}.json`)
}

/** The tensors of NAME.safetensors. */
export function openTensors(name: string): Promise<SafetensorsFile> {
  return openSafetensors(fromBytes(referenceBytes(`${name}.safetensors`), name))
}
