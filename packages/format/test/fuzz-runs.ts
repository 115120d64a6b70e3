/** How many cases a property is tried on: those given, or as many as LLLITE_FUZZ_RUNS says (`npm run fuzz`). */
export function fuzzRuns(usual: number): number {
  return Number(process.env.LLLITE_FUZZ_RUNS ?? usual)
}
