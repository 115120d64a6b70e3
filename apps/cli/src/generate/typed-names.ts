import { CoreError } from "@lllite/core"
import { SPACING_RANGES } from "@lllite/core/names"

/** The options of a spacing, in the library. */
const SPACING_NAMES = Object.keys(SPACING_RANGES)

const ABOUT_SPACING = new RegExp(`^sigmas: (?=(?:${SPACING_NAMES.join("|")}) is )`)

/** An error about options of a spacing, with the names that a user types. Other errors stay. */
export function withTypedNames(error: unknown): unknown {
  if (!(error instanceof CoreError) || !ABOUT_SPACING.test(error.message)) return error
  const typed = SPACING_NAMES.reduce(
    (text, name) =>
      text.replaceAll(
        name,
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      ),
    error.message.replace(ABOUT_SPACING, ""),
  )
  return new CoreError(error.code, `generate: --spacing_args: ${typed}`, { cause: error })
}
