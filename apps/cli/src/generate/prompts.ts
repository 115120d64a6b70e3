import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { LoraTag, PromptLine } from "@lllite/core"
import { expandPrompt, isDynamic, isPromptLine, parsePromptLine, takeLoraTags } from "@lllite/core"
import type { Seed } from "@lllite/core/names"
import { decodeText, InputError, readTextFile } from "@lllite/runtime-node"
import type { Problem } from "@lllite/runtime-node/options"

/** A prompt to draw, as it was written. */
export interface PromptSource {
  /** With options of a line, and before groups are expanded. */
  readonly text: string
  /** The place of the prompt, for errors. */
  readonly where: string
  readonly line?: number
  /** Whether the text is the prompt as it is: from a file that has options elsewhere. */
  readonly isLiteral?: boolean
  /** Whether groups of a literal prompt are expanded, and whether it names LoRAs. */
  readonly hasGroups?: boolean
  readonly hasTags?: boolean
  /** The negative prompt of a literal text that has one of its own. */
  readonly negativePrompt?: string
  /** The place of its start picture among those of the run. Default: the pictures of the run take them in turn. */
  readonly start?: number
}

/** A prompt of a picture, with the options of its line. */
export interface ExpandedLine extends PromptLine {
  readonly seed: Seed
  /** Whether <lora:NAME> names a LoRA. Default: true. Else it is text. */
  readonly hasTags?: boolean
}

/**
 * Reads a file of prompts, or `-` for stdin, one in each line. Empty lines and lines that begin with # are passed over.
 *
 * @throws InputError when it cannot be read, or has no prompt
 */
export async function readPromptFile(path: string): Promise<readonly PromptSource[]> {
  const text = path === "-" ? decodeText(await readStdin(), "stdin") : await readTextFile(path)
  const lines = text.split(/\r\n|\r|\n/)
  const sources = lines.flatMap((text, i) =>
    isPromptLine(text) ? [{ text: text.trim(), where: `"${path}"`, line: i + 1 }] : [],
  )
  if (sources.length > 0) return sources
  throw new InputError("prompt-file", `"${path}" has no prompt. Write one in each line.`)
}

async function readStdin(): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of process.stdin) parts.push(part as Uint8Array)
  return Buffer.concat(parts)
}

/**
 * The prompts that a source becomes, for pictures with these seeds.
 *
 * @param wildcards the folder of wildcards, if there is one
 * @throws InputError for a line that cannot be followed; CoreError for groups that cannot be expanded
 */
export function expandSource(
  source: PromptSource,
  seeds: readonly Seed[],
  { wildcards, compat }: { readonly wildcards: string | undefined; readonly compat: "sd-scripts" | null },
): readonly ExpandedLine[] {
  const { text, isLiteral = false, hasGroups = true, hasTags = !isLiteral, negativePrompt } = source
  const options = negativePrompt === undefined ? {} : { negativePrompt }
  const expanded =
    hasGroups && isDynamic(text)
      ? expandPrompt(text, seeds, {
          compat,
          ...(wildcards === undefined ? {} : { wildcard: (name: string) => readWildcard(wildcards, name) }),
        })
      : seeds.map((seed) => ({ prompt: text, seed }))
  return expanded.map(({ prompt, seed }) =>
    isLiteral ? { prompt, options, problems: [], seed, hasTags } : { ...parsePromptLine(prompt), seed },
  )
}

/** The names of the wildcards in a prompt, `__NAME__`. @throws CoreError for groups that cannot be expanded */
export function wildcardsOf(text: string): readonly string[] {
  const names = new Set<string>()
  const wildcard = (name: string): null => {
    names.add(name)
    return null
  }
  if (isDynamic(text)) expandPrompt(text, [0], { wildcard })
  return [...names]
}

/** The LoRAs in a prompt, and the prompt without them. @throws CoreError for a tag that cannot be read */
export function tagsOf(
  prompt: string,
  isPlain: boolean,
): { readonly prompt: string; readonly tags: readonly LoraTag[] } {
  if (isPlain) return { prompt, tags: [] }
  const { prompt: rest, loras } = takeLoraTags(prompt)
  return { prompt: rest, tags: loras }
}

/** The problems of a source's options, one for each. */
export function problemsOfSource({ text, where, line, isLiteral = false }: PromptSource): readonly Problem[] {
  if (isLiteral) return []
  return parsePromptLine(text).problems.map((problem) => ({
    where,
    ...(line === undefined ? {} : { line }),
    text: problem.replace(/\.$/, ""),
  }))
}

/**
 * The lines of a wildcard.
 *
 * @throws InputError when its file cannot be read, or has no line
 */
function readWildcard(folder: string, name: string): readonly string[] {
  const path = join(folder, `${name}.txt`)
  if (name.split("/").includes("..")) {
    throw new InputError("prompt-file", `the wildcard __${name}__ leads out of "${folder}". Name a file in it.`)
  }
  let text: string
  try {
    text = decodeText(readFileSync(path), path)
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw new InputError(
      "prompt-file",
      `the wildcard __${name}__ has no file "${path}". Write one, with a line for each choice.`,
      {
        cause,
      },
    )
  }
  const lines = text.split(/\r\n|\r|\n/).map((each) => each.trim())
  const choices = lines.filter(isPromptLine)
  if (choices.length === 0) throw new InputError("prompt-file", `"${path}" has no line for the wildcard __${name}__.`)
  return choices
}
