import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import whole from "../../vitest.config.ts"
import { PARTS } from "./parts.mjs"

const { projects: _, ...options } = whole.test ?? {}

/** Tests beside the code first, because they are fast. The first failure ends a mutant's run. */
class NearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const distance = ({ moduleId }: TestSpecification): number => (moduleId.includes("/src/") ? 0 : 1)
    return files.toSorted((a, b) => distance(a) - distance(b) || a.moduleId.localeCompare(b.moduleId))
  }
}

/** The configuration of mutation testing. StrykerJS runs the tests of one part of it. */
export default defineConfig({
  ...whole,
  test: {
    ...options,
    runner: "./scripts/mutation/serving-runner.mjs",
    include: Object.values(PARTS).flat(),
    exclude: ["**/node_modules/**"],
    // Files share a worker, since most of the time would go into loading TensorFlow.js anew.
    isolate: false,
    sequence: { sequencer: NearestFirst },
    reporters: [],
  },
})
