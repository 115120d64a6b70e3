import type { LlliteFile, LlliteSite } from "@lllite/format"
import { pruneLllite } from "@lllite/format/edit"
import { checkLllite } from "@lllite/format/health"
import { withPath } from "@lllite/runtime-node/files"
import { reportWritten, tryOutput, writeEdited } from "../lllite-file/edited-file.ts"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { UsageError } from "../terminal/errors.ts"
import { plural } from "../terminal/text.ts"
import type { PruneSettings } from "./options.ts"

/** Writes an LLLite without some of its sites. @throws UsageError, InputError, FormatError */
export async function runPrune(files: readonly string[], options: PruneSettings, signal: AbortSignal): Promise<string> {
  const [input = ""] = files
  await tryOutput(options)
  return withPath(
    input,
    async (source) => {
      const file = await openLllite(source)
      const gone = await sitesToPrune(file, options)
      const contents = pruneLllite(file, (site) => !gone.has(site.key), { mode: options.zero ? "zero" : "drop" })
      const written = await writeEdited(options, contents, signal)
      const done = options.zero ? "set to zero" : "removed"
      const notes = [`${plural(gone.size, "site")} of ${file.sites.length} ${done}.`]
      return reportWritten(written, { pruned: [...gone] }, notes, options.json)
    },
    { signal },
  )
}

async function sitesToPrune(file: LlliteFile, options: PruneSettings): Promise<ReadonlySet<string>> {
  const { blocks, keepBlocks, weakest } = options
  const keysOf = (takes: (site: LlliteSite) => boolean): ReadonlySet<string> =>
    new Set(file.sites.filter(takes).map(({ key }) => key))
  if (blocks.length > 0) {
    const named = readBlocks(file, "blocks", blocks)
    return keysOf(({ block }) => named.has(block))
  }
  if (keepBlocks.length > 0) {
    const named = readBlocks(file, "keep_blocks", keepBlocks)
    return keysOf(({ block }) => !named.has(block))
  }
  const count = weakest ?? 0
  if (count >= file.sites.length) {
    throw new UsageError("selection", `prune: --weakest is ${count}, expected 1 to ${file.sites.length - 1}`)
  }
  const { sites } = await checkLllite(file)
  // A site with NaN has no strength and breaks every picture, so it is removed first.
  const rank = (strength: number): number => (Number.isNaN(strength) ? -1 : strength)
  const weakestFirst = [...sites].sort((a, b) => rank(a.strength) - rank(b.strength))
  return new Set(weakestFirst.slice(0, count).map(({ site }) => site.key))
}

/** Blocks in any of these spellings: `input 4`, `input4`, `input_4`, `middle`. */
function readBlocks(file: LlliteFile, option: string, names: readonly string[]): ReadonlySet<string> {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]/g, "")
  const there = new Map(file.sites.map(({ block }) => [plain(block), block]))
  return new Set(
    names
      .flatMap((name) => name.split(","))
      .map((name) => {
        const block = there.get(plain(name))
        if (block !== undefined) return block
        const list = [...new Set(there.values())].join(", ")
        throw new UsageError("selection", `prune: --${option} has "${name}", expected blocks of the file: ${list}`)
      }),
  )
}
