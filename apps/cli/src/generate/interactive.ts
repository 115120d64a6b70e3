import { stderr, stdin } from "node:process"
import { isPromptLine } from "@lllite/core"
import type { OptionReader } from "@lllite/runtime-node/options"
import { createLocalPaths } from "../model/local-models.ts"
import { describeInput } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { untilStopped } from "../terminal/until-stopped.ts"
import { examineGeneration } from "./examine.ts"
import type { GENERATE_OPTIONS } from "./options.ts"
import type { PlannedPicture } from "./plan-pictures.ts"
import { runGenerate } from "./run.ts"
import { readGenerateSettings } from "./settings.ts"
import { createTypedLines } from "./typed-lines.ts"

type GenerateReader = OptionReader<typeof GENERATE_OPTIONS>

/**
 * Draws prompts as they are typed, each in a line with its options. The files are loaded once. A line that cannot be
 * followed says so, and the next one is read. An empty line is passed over. The end of the input ends the command.
 *
 * @throws as `runGenerate`
 */
export async function runInteractive(reader: GenerateReader, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const toLocal = createLocalPaths(reader, reporter, signal)
  const examine = (prompt: string): ReturnType<typeof examineGeneration> =>
    examineGeneration(withPrompt(reader, prompt), null, toLocal)
  const { pictures, notices } = await untilStopped(examine(""), signal)
  const settings = readGenerateSettings(reader, pictures, notices)
  // The pictures' paths are on stdout.
  const isTerminal = stdin.isTTY === true && stderr.isTTY === true
  const lines = createTypedLines({ input: stdin, output: stderr, isTerminal }, signal)
  // Notices of the command's files come again with every line.
  const said = new Set(notices)
  const next = async (): Promise<readonly PlannedPicture[] | null> => {
    for (;;) {
      const line = await lines.next()
      if (line === null) return null
      if (!isPromptLine(line)) continue
      try {
        const { pictures, notices } = await examine(line.trim())
        for (const text of notices.filter((each) => !said.has(each))) {
          said.add(text)
          reporter.say("notice", { text }, `Note: ${text}`)
        }
        return pictures
      } catch (error) {
        const text = describeInput(error)
        if (text === null) throw error
        reporter.say("notice", { text }, text)
      }
    }
  }
  try {
    await runGenerate(settings, reporter, signal, { next })
  } finally {
    lines.close()
  }
}

/** The reader with another prompt. A problem is thrown where it is found. */
function withPrompt(reader: GenerateReader, prompt: string): GenerateReader {
  return {
    ...reader,
    settings: { ...reader.settings, prompt },
    nameOf: (key) => (key === "prompt" ? "the line" : reader.nameOf(key)),
    examine: async (_, work) => work(),
  }
}
