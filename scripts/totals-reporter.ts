import { relative } from "node:path"
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node"

/** After all other output, lists what passed at its second try, and what did not run. Then prints the totals in one line. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 }
    const skipped = new Map<string, TestCase[]>()
    const flaky: string[] = []
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (test.diagnostic()?.flaky === true)
          flaky.push(`${relative(process.cwd(), module.moduleId)}: ${test.fullName}`)
        if (state === "passed" || state === "failed") totals[state] += 1
        else {
          totals.skipped += 1
          const suite = `${relative(process.cwd(), module.moduleId)}: ${outermost(test)}`
          skipped.set(suite, [...(skipped.get(suite) ?? []), test])
        }
      }
      // A file that does not load has no tests, but counts as a failure.
      totals.failed += module.errors().length
    }
    if (flaky.length > 0) {
      console.log(`\n!! FLAKY: ${flaky.length} tests failed at first, and passed at their second try.`)
      for (const name of flaky) console.log(`!!   ${name}`)
    }
    if (skipped.size > 0) {
      console.log(`\n!! NOT RUN: ${totals.skipped} tests of ${skipped.size} suites.`)
      for (const [suite, tests] of skipped) {
        console.log(`!!   ${suite} (${tests.length})`)
        for (const reason of new Set(tests.map(reasonOf))) console.log(`!!     ${reason}`)
      }
    }
    console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
  }
}

/** The name of the suite that holds all others around a test, or the test's own. */
function outermost(test: TestCase): string {
  let at: TestCase | TestSuite = test
  while (at.parent.type !== "module") at = at.parent
  return at.name
}

/** Why a test was not run: what `needs` of packages/format/test says, or its own note. */
function reasonOf(test: TestCase): string {
  const result = test.result()
  const { needs } = test.meta()
  if (needs !== undefined) return `needs ${needs}`
  return `${test.name}: ${(result.state === "skipped" && result.note) || "no reason is given"}`
}
