import type { RgbImage } from "@lllite/core/image"
import { encodePng } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import { joinLayers, readLayer } from "@lllite/runtime-node/options"
import type { JobReport } from "@lllite/serve"
import { examineGeneration } from "../../generate/examine.ts"
import { GENERATE_OPTIONS } from "../../generate/options.ts"
import { createPictureFiles, type PictureFiles } from "../../generate/picture-files.ts"
import type { PlannedPicture } from "../../generate/plan-pictures.ts"
import { type GenerateParts, runGenerate } from "../../generate/run.ts"
import { checkGenerateOptions, readGenerateSettings } from "../../generate/settings.ts"
import { filledReader } from "../../generate/source/examine-source.ts"
import { joinedRuns } from "../../generate/source/joined-runs.ts"
import { describeInput, UsageError } from "../../terminal/errors.ts"
import type { Reporter } from "../../terminal/progress.ts"
import type { DrawMessage, DrawnFile } from "./messages.ts"

/** What drawing gets of its process. */
export interface DrawParts {
  readonly start: NonNullable<GenerateParts["start"]>
  readonly report: (report: JobReport) => void
}

/**
 * Draws the pictures of recipes whose files are on this machine, as `lllite generate` does. All are examined before a
 * model is loaded.
 *
 * @throws as `runGenerate`
 */
export async function drawJob(
  { input, folder, runtime }: Omit<DrawMessage, "kind">,
  { start, report }: DrawParts,
  signal: AbortSignal,
): Promise<readonly DrawnFile[]> {
  const reader = optionsOf(folder, runtime)
  const reporter = reporterOf(report)
  const runs: (readonly PlannedPicture[])[] = []
  const notices = new Set<string>()
  for (const recipe of input.recipes) {
    const source = { recipe, prefix: null, hasGroups: false, hasTags: false, loraFolders: [] }
    const filled = filledReader(reader, source)
    checkGenerateOptions(filled)
    const examined = await examineGeneration(filled, source)
    signal.throwIfAborted()
    runs.push(examined.pictures)
    for (const notice of examined.notices) notices.add(notice)
  }
  reader.finish()
  const files: DrawnFile[] = []
  const watch = {
    previews: input.previews === true,
    step({ step, steps, done, previews }: WatchedStep) {
      report({ type: "progress", phase: "generate", done: first + done, count: input.recipes.length, step, steps })
      const [preview] = previews
      if (preview !== undefined) report({ type: "preview", png: encodePng(preview) })
    },
  }
  let first = 0
  for (const pictures of joinedRuns(runs)) {
    const settings = readGenerateSettings(reader, pictures, first === 0 ? [...notices] : [])
    const collecting = collected(createPictureFiles(folder), first, files)
    await runGenerate(settings, reporter, signal, { files: collecting, start, watch })
    first += pictures.length
  }
  return files
}

interface WatchedStep {
  readonly step: number
  readonly steps: number
  readonly done: number
  readonly previews: readonly RgbImage[]
}

/** The options of a generation that writes into a folder. Everything else comes from recipes. */
function optionsOf(folder: string, runtime: DrawMessage["runtime"]): OptionReader<typeof GENERATE_OPTIONS> {
  const entries = Object.entries({ outdir: folder, ...runtime })
  return joinLayers(GENERATE_OPTIONS, {
    title: "job",
    spell: (name) => name,
    refuse: (message) => new UsageError("options", message),
    describe: describeInput,
    layers: [readLayer(GENERATE_OPTIONS, { where: "job", entries })],
    problems: [],
  })
}

/** Notices alone: steps are reported with more than a reporter gets. */
function reporterOf(report: DrawParts["report"]): Reporter {
  return {
    progress: () => {},
    say: (event, _, text) => {
      if (event === "notice") report({ type: "notice", text: text.replace(/^Note: /, "") })
    },
    close: () => {},
  }
}

/** Picture files that are listed with the place of their recipe. */
function collected(files: PictureFiles, first: number, into: DrawnFile[]): PictureFiles {
  return {
    get written() {
      return files.written
    },
    writeFirstStage: (picture, text) => files.writeFirstStage(picture, text),
    async write(picture, text) {
      const path = await files.write(picture, text)
      into.push({ path, recipe: first + picture.index })
      return path
    },
  }
}
