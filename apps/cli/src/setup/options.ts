import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { flag, folder, nearest, text } from "@lllite/runtime-node/options"

/** What `lllite setup` can set up. */
export const TARGETS = ["tensorflow"] as const

/** What `setup` takes. */
export const SETUP_OPTIONS = {
  gpu: flag({ help: "For an NVIDIA card: use the wheel with CUDA, and NVIDIA's libraries." }),
  python: text({ valueName: "path", otherwise: "python3", help: "Python whose pip is asked for the wheel." }),
  wheel_dir: folder({ help: "Take the wheel from this folder instead of the network." }),
  remove: flag({ help: "Remove what was set up." }),
} satisfies OptionTable

export type SetupSettings = Settings<typeof SETUP_OPTIONS>

/** What is wrong with what is asked for, or null. */
export function setupProblem(target: string, { gpu, remove, python, wheelDir }: SetupSettings): string | null {
  if (target === "") return null
  if (!TARGETS.some((known) => known === target)) {
    const near = nearest(target, TARGETS)
    return `there is nothing called "${target}" to set up, expected ${TARGETS.join(" or ")}${near === null ? "" : `. Did you mean ${near}?`}`
  }
  const isMore = gpu || python !== undefined || wheelDir !== undefined
  return remove && isMore ? "--remove takes no other option. Leave the others out." : null
}
