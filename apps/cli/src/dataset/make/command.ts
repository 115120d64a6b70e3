import { defineCommand } from "../../command/command.ts"
import { STOPPING, watched } from "../../command/watched.ts"
import { MODEL_FILES } from "../../generate/options.ts"
import { localModels } from "../../model/local-models.ts"
import { fanOutOf } from "../../pieces/fan-out.ts"
import { readKindText } from "../../preprocess/kind.ts"
import { MAKE_GROUPS, MAKE_OPTIONS } from "./options.ts"
import { checkMake } from "./settings.ts"

/** `lllite dataset make` */
export const makeCommand = defineCommand({
  name: "dataset make",
  description:
    "Make a data set: controls for a folder of pictures, or pictures of prompts with their controls and captions. Started again, it continues where it was stopped. With --redis and --store, workers make it. For pictures of prompts, all options of generate can be given.",
  options: MAKE_OPTIONS,
  groups: MAKE_GROUPS,
  endsItself: true,
  run: (given, _, signal) =>
    watched(signal, STOPPING.ends, async (reporter) => {
      checkMake(given)
      const prep = await given.examine(["prep"], async () => readKindText(given.settings.prep, "dataset make"))
      if (prep === null || given.settings.prompts === undefined) {
        given.finish()
        if (prep === null) return
        const { makeFromPictures } = await import("./from-pictures.ts")
        await makeFromPictures({ reader: given, prep, fanOut: await fanOutOf(given.settings) }, reporter, signal)
        return
      }
      const reader = await localModels(given, MODEL_FILES, reporter, signal)
      const { makeFromPrompts } = await import("./from-prompts.ts")
      await makeFromPrompts({ reader, prep, fanOut: await fanOutOf(reader.settings) }, reporter, signal)
    }),
})
