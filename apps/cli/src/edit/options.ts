import type { OptionTable, Reading, Settings, WrongPart } from "@lllite/runtime-node/options"
import { file, flag, taken, texts } from "@lllite/runtime-node/options"
import { JSON_OPTION } from "../lllite-file/output-options.ts"

type Pairs = readonly (readonly [key: string, value: string])[]

/** Options of `edit`. */
export const EDIT_OPTIONS = {
  set: taken<Pairs>(
    { arity: "each", valueName: "key=value", empty: [], read: readPairs },
    { default: [], help: "Set a value." },
  ),
  unset: texts({ arity: "each", valueName: "key", help: "Remove a key." }),
  clear: flag({ help: "Remove every key first." }),
  fill: flag({
    help: "Add metadata that an LLLite's header implies: the required keys of ModelSpec, a title, the widths.",
  }),
  output: file({ help: "File to write. Default: the file itself, which needs --force." }),
  force: flag({ help: "Replace the output if it exists." }),
  ...JSON_OPTION,
} satisfies OptionTable

export type EditSettings = Settings<typeof EDIT_OPTIONS>

/** Whether the options request a change. */
export function isChange({ set, unset, clear, fill }: EditSettings): boolean {
  return set.length > 0 || unset.length > 0 || clear || fill
}

/** The problem of the options together, or null. */
export function editProblem(settings: EditSettings): string | null {
  if (!isChange(settings)) {
    return settings.output === undefined ? null : "nothing to change, expected --set, --unset, --clear or --fill"
  }
  return settings.output === undefined && !settings.force
    ? "the output is the file itself. Name another file with --output, or confirm with --force."
    : null
}

function readPairs(raw: unknown): Reading<Pairs> {
  const pairs: (readonly [string, string])[] = []
  const expected = "key=value"
  const wrong: WrongPart[] = []
  for (const text of Array.isArray(raw) ? raw : [raw]) {
    const at = typeof text === "string" ? text.indexOf("=") : -1
    if (typeof text !== "string" || at <= 0) wrong.push({ part: text, expected })
    else pairs.push([text.slice(0, at), text.slice(at + 1)])
  }
  return wrong.length === 0 ? { value: pairs } : { expected, parts: wrong }
}
