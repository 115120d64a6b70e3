import type { OptionReader } from "@lllite/runtime-node/options"
import { createLocalPaths } from "../../model/local-models.ts"
import type { Reporter } from "../../terminal/progress.ts"
import { untilStopped } from "../../terminal/until-stopped.ts"
import { examineGeneration } from "../examine.ts"
import type { GENERATE_OPTIONS } from "../options.ts"
import type { PlannedPicture } from "../plan-pictures.ts"
import { runGenerate } from "../run.ts"
import { checkGenerateOptions, readGenerateSettings } from "../settings.ts"
import { examineSource, filledReader } from "./examine-source.ts"
import { joinedRuns } from "./joined-runs.ts"
import { withPrefix } from "./prefixed-names.ts"
import { saveWorkflow } from "./save-workflow.ts"

/**
 * Makes the pictures of a workflow, or a picture again from its text. Everything is examined before the first model is
 * loaded. Pictures with other models or adapters are made one after another.
 *
 * @throws UsageError with all problems of the reader; the errors of `runGenerate`
 */
export async function runSource(
  reader: OptionReader<typeof GENERATE_OPTIONS>,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const toLocal = createLocalPaths(reader, reporter, signal)
  const source = await untilStopped(examineSource(reader, toLocal), signal)
  const runs: (readonly PlannedPicture[])[] = []
  const said = new Set(source?.notices)
  const [now, used] = [new Date(), new Map<string, number>()]
  for (const recipe of source?.recipes ?? []) {
    const filled = filledReader(reader, recipe)
    checkGenerateOptions(filled)
    const { pictures, notices } = await untilStopped(examineGeneration(filled, recipe, toLocal), signal)
    runs.push(await withPrefix(pictures, recipe.prefix, reader.settings.outdir, { now, used }))
    for (const notice of notices) said.add(notice)
  }
  reader.finish()
  const { saveWorkflow: path } = reader.settings
  if (path !== undefined)
    await saveWorkflow(
      path,
      runs.flat().map(({ recipe }) => recipe),
      reporter,
    )
  for (const [i, pictures] of joinedRuns(runs).entries()) {
    await runGenerate(readGenerateSettings(reader, pictures, i === 0 ? [...said] : []), reporter, signal)
  }
}
