import { countedNotice } from "@lllite/core/names"
import type { PlannedPicture } from "./plan-pictures.ts"

/** Characters of a prompt that a notice shows. */
const SHOWN = 60

/**
 * One notice about prompts that are not drawn as they were written: they have options of a line, which win over the
 * command's, groups, of which one choice is drawn, or LoRAs. It says what the first picture of them becomes. Another one
 * is about options of lines that have no effect, and one about files that hold no text.
 */
export function lineNotices(
  pictures: readonly Pick<PlannedPicture, "recipe" | "written" | "clipPrompt" | "fileName">[],
): readonly string[] {
  const withoutText = new Set(
    pictures.flatMap(({ fileName }) => (fileName?.endsWith(".webp") === true ? fileName : [])),
  )
  const hasClipPrompt = pictures.some(({ clipPrompt }) => clipPrompt !== null)
  return [
    ...changedNotice(pictures),
    ...(hasClipPrompt ? ["--c of a prompt has no effect on SDXL. The text of the picture keeps it."] : []),
    ...countedNotice(
      [...withoutText],
      "pictures",
      (subject, isOne) =>
        `${subject} will be ${isOne ? "a WebP" : "WebPs"} without text, so --from cannot make ${isOne ? "it" : "them"} again. End the name in .png to keep the text.`,
    ),
  ]
}

function changedNotice(pictures: readonly Pick<PlannedPicture, "recipe" | "written">[]): readonly string[] {
  const changed = pictures.filter(({ recipe, written }) => recipe.prompt !== written.trim())
  const [first] = changed
  if (first === undefined) return []
  const { prompt, negativePrompt, width, height, steps, guidanceScale, seed } = first.recipe
  const negative = negativePrompt === "" ? "" : `, without "${shortened(negativePrompt)}"`
  const made = `"${shortened(prompt)}"${negative}: ${width}x${height}, ${steps} ${steps === 1 ? "step" : "steps"}, scale ${guidanceScale}, seed ${seed}`
  return countedNotice(
    [...new Set(changed.map(({ written }) => shortened(written)))],
    "prompts",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} options, groups or LoRAs, which are followed. The first picture is ${made}.`,
  )
}

/** A notice of the library, with the option that follows the syntax which it names. */
export function withOption(notice: string, wildcardDir: string | undefined): string {
  if (wildcardDir !== undefined || !/ (?:has|have) the syntax of a wildcard, /.test(notice)) return notice
  return `${notice} For wildcards, give the folder of their files with --wildcard_dir.`
}

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}
