import type { PlannedPicture } from "../plan-pictures.ts"

/** Neighbouring runs with the same models and adapters as one. */
export function joinedRuns(runs: readonly (readonly PlannedPicture[])[]): readonly (readonly PlannedPicture[])[] {
  const result: PlannedPicture[][] = []
  let last = ""
  for (const pictures of runs) {
    const key = JSON.stringify([
      pictures[0]?.recipe.model,
      pictures[0]?.recipe.adapters.map(({ file, control }) => [file, control]),
    ])
    if (key === last) result.at(-1)?.push(...pictures)
    else result.push([...pictures])
    last = key
  }
  return result
}
