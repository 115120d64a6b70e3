/**
 * Runs one after another and goes on after a failure, which becomes a row `{ ...row, error }`.
 *
 * @param tried each with the fields of its rows as `row`
 * @throws Error at the end, if any failed
 */
export async function tryEach(tried, write, run) {
  const failed = []
  for (const each of tried) {
    try {
      await run(each)
    } catch (error) {
      write({ ...each.row, error: error instanceof Error ? error.message : String(error) })
      failed.push(each)
    }
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${tried.length} failed; their rows say why`)
}
