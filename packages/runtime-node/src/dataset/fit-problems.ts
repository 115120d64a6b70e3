import type { EntryFolder } from "./entry-table.ts"
import type { FileProblem } from "./file-problems.ts"

/** Pictures that have no bucket. Only buckets without upscaling can lack one. */
export function fitProblems(folders: readonly EntryFolder[]): readonly FileProblem[] {
  const problems: FileProblem[] = []
  for (const { pairs, fitter, group } of folders) {
    if (group.buckets?.noUpscale !== true) continue
    for (const { image, control, size } of pairs) {
      try {
        fitter([size.width, size.height])
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        const text = `"${image}" cannot be fitted. ${reason}`
        problems.push({ kind: "unfit", text, path: image, pair: { image, control } })
      }
    }
  }
  return problems
}
