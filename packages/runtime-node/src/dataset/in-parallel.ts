/** Files that are worked on at once. It keeps the threads of the file system and of the decoder busy. */
const PARALLEL = 4

/** Works on all items, several at once. Results are in the order of the items. The first error ends the work. */
export async function mapInParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  const queue = items.entries()
  const run = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: PARALLEL }, run))
  return results
}
