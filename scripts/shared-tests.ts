/**
 * Tests that run one after another in one process, so that the project's code is loaded once. They leave everything as they
 * found it: modules, the environment and timers. All other tests have a process for each file.
 */
export const SHARED = [
  // That one loads modules anew.
  "packages/format/{src,test}/**/!(lllite-error).test.ts",
  "packages/tiny/{src,test}/**/*.test.ts",
]
