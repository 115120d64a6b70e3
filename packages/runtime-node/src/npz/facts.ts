import type { NumpyArray } from "./npy.ts"

/** The array in which this program keeps what a file was made of. Other programs pass it over. */
export const FACTS = "lllite_facts"

/** Facts as an array: their JSON in UTF-8. */
export function factsArray(facts: object): NumpyArray {
  const values = new TextEncoder().encode(JSON.stringify(facts))
  return { shape: [values.length], values }
}

/** The facts in an array. Null: there are none, so another program made the file. */
export function factsIn<T>(array: NumpyArray | undefined, isFacts: (value: unknown) => value is T): T | null {
  if (!(array?.values instanceof Uint8Array)) return null
  try {
    const facts: unknown = JSON.parse(new TextDecoder().decode(array.values))
    return isFacts(facts) ? facts : null
  } catch {
    return null
  }
}
