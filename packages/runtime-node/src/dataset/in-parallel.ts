/** Files that are worked on at once. It keeps the threads of the file system and of the decoder busy. */
const PARALLEL = 4

/** Works on all items, several at once. Results are in the order of the items. The first error ends the work. */
export async function mapInParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  await eachInParallel(items.entries(), async ([index, item]) => {
    results[index] = await work(item)
  })
  return results
}

/** Works on all items, several at once, and keeps nothing of them. The first error ends the work. */
export async function eachInParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]()
  const run = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: PARALLEL }, run))
}
