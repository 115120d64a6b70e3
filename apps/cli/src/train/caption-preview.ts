import type { Seed } from "@lllite/core/random"
import { drawCaption } from "@lllite/core/training"
import type { FolderDataset } from "@lllite/runtime-node"
import { printable } from "../terminal/text.ts"
import type { StepPlan } from "./step-plan.ts"

/** How many texts of a caption are shown. */
const SHOWN = 3

/** How many captions are tried for one whose texts differ. */
const SEARCHED = 100

/** What the first steps would read of a caption that changes. */
export interface CaptionPreview {
  /** The pictures whose captions change. */
  readonly pictures: number
  /** The caption as its file has it. */
  readonly caption: string
  readonly texts: readonly string[]
  /** The same for people. */
  readonly text: string
}

/**
 * Shows what a caption becomes, so that a mistake in its rules is seen before training: the first whose texts differ. A
 * single tag cannot be shuffled. Null: no caption changes.
 */
export function previewCaptions(
  dataset: Pick<FolderDataset, "count" | "changingCaption" | "changingCaptions">,
  seed: Seed,
  { perEpoch, steps }: Pick<StepPlan, "perEpoch" | "steps">,
): CaptionPreview | null {
  let first: CaptionPreview | null = null
  for (let index = 0, tried = 0; index < dataset.count && tried < SEARCHED; index++) {
    const ruled = dataset.changingCaption?.(index) ?? null
    if (ruled === null) continue
    const texts = Array.from({ length: SHOWN }, (_, step) =>
      drawCaption(ruled, seed, { step }, { epoch: Math.floor(step / perEpoch) + 1, step, steps }),
    )
    const { changingCaptions: pictures } = dataset
    const whose = pictures === 1 ? "The caption of one picture changes" : `The captions of ${pictures} pictures change`
    const text = `${whose} from step to step. ${quoted(ruled.caption)} may become ${texts.map(quoted).join(", ")}.`
    const preview = { pictures, caption: ruled.caption, texts, text }
    if (texts.some((each) => each !== texts[0])) return preview
    first ??= preview
    tried += 1
  }
  return first
}

function quoted(text: string): string {
  return `"${printable(text)}"`
}
