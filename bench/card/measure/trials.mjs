/**
 * Runs one thing after another and goes on after a failure, which becomes a row `{ ...row, error }`.
 *
 * `end` throws if any failed.
 */
export function startTrials(write) {
  let [count, failed] = [0, 0]
  return {
    async run(row, work) {
      count += 1
      try {
        await work()
      } catch (error) {
        failed += 1
        write({ ...row, error: error instanceof Error ? error.message : String(error) })
      }
    },
    end() {
      if (failed > 0) throw new Error(`${failed} of ${count} failed; their rows say why`)
    },
  }
}
