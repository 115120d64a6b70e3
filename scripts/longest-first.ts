import type { TestSpecification } from "vitest/node"
import { BaseSequencer } from "vitest/node"

/**
 * The files that take longest where no earlier run is known, as on machines of CI. They begin first, so that no core waits
 * for one of them at the end.
 */
export const LONGEST: readonly string[] = [
  // Compiles some hundred kernels that a new machine has never seen.
  "packages/webgpu/src/webgpu-ops.test.ts",
  "apps/playground/test/training.test.ts",
  "examples/test/examples.test.ts",
  "apps/playground/test/accessibility.test.ts",
  "apps/cli/test/readme.test.ts",
  "packages/runtime-web/test/everywhere.test.ts",
  "apps/cli/test/ranks.test.ts",
  "apps/cli/test/work.test.ts",
  "apps/playground/test/drawing.test.ts",
  "apps/cli/test/fan-out.test.ts",
  "packages/runtime-web/test/runtime-contract.test.ts",
  "apps/playground/test/models.test.ts",
  "packages/runtime-node/test/runtime-contract.test.ts",
  "packages/runtime-web/test/chromium.test.ts",
  "apps/playground/test/keeping.test.ts",
]

/** Runs the longest files first, and the others in Vitest's order. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return longestFirst(await super.sort(files), ({ moduleId }) => moduleId)
  }
}

/** Moves the longest files to the front. */
export function longestFirst<T>(files: readonly T[], pathOf: (file: T) => string): T[] {
  const place = (file: T): number => {
    const index = LONGEST.findIndex((path) => pathOf(file).replaceAll("\\", "/").endsWith(`/${path}`))
    return index === -1 ? LONGEST.length : index
  }
  return [...files].sort((one, other) => place(one) - place(other))
}
