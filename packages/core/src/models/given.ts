import { checkArgument, checkGiven } from "../argument.ts"

/*
 * Checks of what other functions of the library give. Each looks at one part, which such a value alone has, so that it
 * costs nothing in a loop.
 */

/** @throws CoreError for a value that are no ops */
export function checkOps(place: string, ops: unknown): void {
  checkGiven(`${place}: the ops`, ops, "load", "createComposedOps")
}

/** @throws CoreError for a value that is not a loader of weights */
export function checkLoader(place: string, loader: unknown): void {
  checkGiven(`${place}: the loader`, loader, "linear", "the field load of ops")
}

/** @throws CoreError for a value that is not a file of named tensors */
export function checkFile(place: string, file: unknown): void {
  const giver = "an opened safetensors file, as a label and entries,"
  checkGiven(`${place}: the file`, file, "entries", giver)
  checkArgument(`${place}: the entries of the file`, (file as { readonly entries: unknown }).entries, "a Map")
}

/** @throws CoreError for a value that is no SDXL, or lacks the network that is read */
export function checkSdxl(place: string, sdxl: unknown, network: "unet" | "vae"): void {
  checkGiven(`${place}: the SDXL`, sdxl, network, "loadSdxl")
  checkOps(place, (sdxl as { readonly ops?: unknown }).ops)
}

/** @throws CoreError for a value that is no LLLite on a device */
export function checkUploaded(place: string, lllite: unknown): void {
  checkGiven(`${place}: the LLLite`, lllite, "leaves", "uploadLllite")
  checkArgument(`${place}: the adapters of the LLLite`, (lllite as { readonly adapters?: unknown }).adapters, "a Map")
}

/** @throws CoreError for a value that is no tokenizer */
export function checkTokenizer(place: string, tokenizer: unknown): void {
  checkGiven(`${place}: the tokenizer`, tokenizer, "encode", "createTokenizer")
}
