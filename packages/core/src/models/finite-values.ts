import { CoreError } from "../errors.ts"

/**
 * Refuses values of an adapter that are not numbers. They would make every picture one error about pixels.
 *
 * @param owner the file, which begins the message
 * @param nameAt the name of the tensor that has a value, and the value's index in it
 * @throws CoreError that names the first tensor
 */
export function expectFinite(
  owner: string,
  values: Float32Array,
  nameAt: (index: number) => { readonly name: string; readonly index: number },
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    // Differences of infinities and of NaN are NaN. This is faster than Number.isFinite.
    if (value - value === 0) continue
    const { name, index } = nameAt(i)
    throw new CoreError(
      "adapter-values",
      `${owner}: value ${index} of "${name}" is ${value}, expected a finite number. The training diverged, or the file is damaged. Take an earlier save, or get the file again.`,
    )
  }
}
