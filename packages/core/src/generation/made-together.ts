interface Disposable {
  dispose(): void
}

/**
 * Makes values that hold memory. If one of them cannot be made, those before it are disposed.
 *
 * @param make calls its argument with each value that holds memory
 * @returns the result, and what disposes all of the values
 * @throws the errors of `make`
 */
export function madeTogether<Made>(make: (keep: <Value extends Disposable>(value: Value) => Value) => Made): {
  readonly made: Made
  dispose(): void
} {
  const kept: Disposable[] = []
  const dispose = (): void => {
    for (const value of kept) value.dispose()
  }
  try {
    const made = make((value) => {
      kept.push(value)
      return value
    })
    return { made, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}
