/**
 * Merges the values of several generators in the order of their arrival. It requests one value of every generator
 * ahead, and no more. Leaving the loop or a failure ends all generators. `end` is called before, to stop their current
 * work.
 */
export async function* merge<T>(
  walks: readonly AsyncGenerator<T, void, void>[],
  end: () => void,
): AsyncGenerator<T, void, void> {
  const pending = new Map<AsyncGenerator<T, void, void>, Promise<Came<T>>>()
  const ask = (walk: AsyncGenerator<T, void, void>): void => {
    const came = walk.next().then((next) => ({ walk, next }))
    // It is awaited later, and may fail before that.
    came.catch(() => {})
    pending.set(walk, came)
  }
  for (const walk of walks) ask(walk)
  try {
    while (pending.size > 0) {
      const { walk, next } = await Promise.race(pending.values())
      pending.delete(walk)
      if (next.done === true) continue
      ask(walk)
      yield next.value
    }
  } finally {
    end()
    await Promise.allSettled([...pending.values(), ...walks.map((walk) => walk.return())])
  }
}

interface Came<T> {
  readonly walk: AsyncGenerator<T, void, void>
  readonly next: IteratorResult<T, void>
}
