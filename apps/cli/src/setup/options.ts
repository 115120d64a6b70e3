import { listText } from "@lllite/core/names"
import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { flag, folder, nearest, text } from "@lllite/runtime-node/options"

/** What `lllite setup` can set up. */
export const TARGETS = ["tensorflow"] as const

/** Options of `setup`. */
export const SETUP_OPTIONS = {
  gpu: flag({ help: "For NVIDIA cards: use the wheel with CUDA and NVIDIA's libraries." }),
  python: text({ valueName: "path", otherwise: "python3", help: "Python whose pip fetches the wheel." }),
  wheel_dir: folder({ help: "Folder with the wheel. Default: pip downloads it." }),
  remove: flag({ help: "Remove the backend that setup built." }),
} satisfies OptionTable

export type SetupSettings = Settings<typeof SETUP_OPTIONS>

/** The problem of the target and the options, or null. */
export function setupProblem(
  target: string | undefined,
  { gpu, remove, python, wheelDir }: SetupSettings,
): string | null {
  // A missing target is refused before.
  if (target === undefined) return null
  if (!TARGETS.some((known) => known === target)) {
    const near = nearest(target, TARGETS)
    return `the target is "${target}", expected ${listText(TARGETS, "or")}${near === null ? "" : `. Did you mean ${near}?`}`
  }
  const isMore = gpu || python !== undefined || wheelDir !== undefined
  return remove && isMore ? "--remove does not go with other options. Leave them out." : null
}
