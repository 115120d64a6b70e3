import type { Reporter, TestModule } from "vitest/node"

/** Names every skipped test, then says the totals in one line that any log reader understands. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === "passed" || state === "failed") totals[state] += 1
        else {
          totals.skipped += 1
          console.log(`skipped: ${test.fullName}`)
        }
      }
      // A file that does not load has no tests, and is a failure all the same.
      totals.failed += module.errors().length
    }
    console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
  }
}
