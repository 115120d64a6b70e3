import { signal } from "@preact/signals"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { changeKept, readKept } from "./database.ts"

/** The file of a VAE, as the browser keeps it. */
interface KeptVae {
  /** Its name. */
  readonly id: string
  readonly file: File
}

/** The VAEs that the browser keeps over a reload. No two have the same name. */
export const keptVaes = signal<readonly File[]>([])

/** Lists the VAEs that the browser keeps. */
export async function openKeptVaes(): Promise<void> {
  const kept = await readKept<readonly KeptVae[]>("vaes", (store) => store.getAll()).catch(() => [])
  keptVaes.value = kept.map(({ id, file }) => named(file, id))
}

/**
 * The file of a VAE under a name that no other kept VAE has. Many are called `diffusion_pytorch_model.safetensors`, so a
 * name that is taken by another file gets a number.
 */
export function nameVae(file: File): File {
  const same = ({ size, lastModified }: File): boolean => size === file.size && lastModified === file.lastModified
  const { value: kept } = keptVaes
  let name = file.name
  for (let count = 2; ; count++) {
    const taken = kept.find((one) => one.name === name)
    if (taken === undefined) return named(file, name)
    if (same(taken)) return taken
    name = `${file.name} (${count})`
  }
}

/**
 * Keeps the file of a VAE over a reload.
 *
 * @param vae as `nameVae` gives it
 * @returns why it is not kept, as a sentence, or null
 */
export async function keepVae(vae: File): Promise<Sentence | null> {
  if (keptVaes.value.includes(vae)) return null
  try {
    const kept: KeptVae = { id: vae.name, file: vae }
    await changeKept(["vaes"], (storeOf) => storeOf("vaes").put(kept))
    keptVaes.value = [...keptVaes.value, vae]
    return null
  } catch (error) {
    return sentence("controls", "closedOnReload", vae.name, problemOf(error))
  }
}

/** Removes the kept file of a VAE. A model that draws with it goes on. @throws Error when the browser cannot */
export async function forgetVae({ name }: File): Promise<void> {
  await changeKept(["vaes"], (storeOf) => storeOf("vaes").delete(name))
  keptVaes.value = keptVaes.value.filter((one) => one.name !== name)
}

function named(file: File, name: string): File {
  const { type, lastModified } = file
  return file.name === name ? file : new File([file], name, { type, lastModified })
}
