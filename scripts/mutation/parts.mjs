/**
 * The parts of the code that mutants are made in, and the tests that have to find them. A part's tests are those beside
 * its files, and the fast ones of its package that go through it. So a mutant that survives here may still be found by a
 * slower test.
 */
export const PARTS = {
  "packages/core/src/generation": [
    "packages/core/src/generation/**/*.test.ts",
    "packages/core/test/{generate-places,phases,generate}.test.ts",
  ],
  "packages/core/src/training": [
    "packages/core/src/training/**/*.test.ts",
    "packages/core/test/{objective,train,own-trainable,normalise-conditioners}.test.ts",
  ],
  "packages/core/src/diffusion": ["packages/core/src/diffusion/**/*.test.ts", "packages/core/test/reference.test.ts"],
  "packages/core/src/models": ["packages/core/src/models/**/*.test.ts"],
  "packages/core/src/ops/composed": [
    "packages/core/src/ops/**/*.test.ts",
    "packages/core/testing/ops-contract.test.ts",
  ],
  "packages/format/src": ["packages/format/src/**/*.test.ts"],
}
