/**
 * Work by names, which runs once at a time for each. A name that comes again meanwhile is worked on once more afterwards.
 *
 * @param failed is called with errors, and the name
 */
export function oneAtATime(
  work: (name: string) => Promise<void>,
  failed: (error: unknown, name: string) => void,
): (name: string) => void {
  const [running, again] = [new Set<string>(), new Set<string>()]
  const run = async (name: string): Promise<void> => {
    do {
      again.delete(name)
      await work(name).catch((error: unknown) => failed(error, name))
    } while (again.has(name))
    running.delete(name)
  }
  return (name) => {
    if (running.has(name)) {
      again.add(name)
      return
    }
    running.add(name)
    void run(name)
  }
}
