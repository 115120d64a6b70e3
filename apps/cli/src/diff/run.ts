import type { LlliteDifference } from "@lllite/format/edit"
import { compareLllites } from "@lllite/format/edit"
import { withPath } from "@lllite/runtime-node/files"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { few, percentText, plural, printable, table } from "../terminal/text.ts"

/** Compares two LLLites. @throws InputError, FormatError */
export async function runDiff(
  files: readonly string[],
  { outputs, json }: { readonly outputs: boolean; readonly json: boolean },
  signal: AbortSignal,
): Promise<string> {
  const [first = "", second = ""] = files
  const difference = await withPath(
    first,
    (a) =>
      withPath(second, async (b) => compareLllites(await openLllite(a), await openLllite(b), { deltas: outputs }), {
        signal,
      }),
    { signal },
  )
  return json ? JSON.stringify(forPrograms(difference), finiteOrText, 2) : forPeople(difference)
}

function forPrograms({ onlyFirst, onlySecond, sites, metadata }: LlliteDifference): object {
  return {
    same: isSame({ onlyFirst, onlySecond, sites, metadata }),
    onlyFirst: onlyFirst.map(({ key }) => key),
    onlySecond: onlySecond.map(({ key }) => key),
    sites: sites.map(({ site, parameters, delta }) => ({ site: site.key, parameters, outputs: delta })),
    metadata: metadata.map(({ key, first, second }) => ({ key, first: first ?? null, second: second ?? null })),
  }
}

/** JSON has no infinity and no NaN: it writes null for them. Null has another meaning here. */
function finiteOrText(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value
}

function isSame({ onlyFirst, onlySecond, sites, metadata }: LlliteDifference): boolean {
  const sameSites = sites.every(({ parameters }) => parameters?.relative === 0)
  return onlyFirst.length === 0 && onlySecond.length === 0 && metadata.length === 0 && sameSites
}

function forPeople(difference: LlliteDifference): string {
  if (isSame(difference)) return "The files hold the same values and metadata."
  const { onlyFirst, onlySecond, sites, metadata } = difference
  const lines: string[] = []
  const differing = sites.filter(({ parameters }) => parameters?.relative !== 0)
  lines.push(`${plural(sites.length, "site")} in both files. ${differing.length} of them differ.`)
  for (const [which, sites] of Object.entries({ first: onlyFirst, second: onlySecond })) {
    if (sites.length === 0) continue
    lines.push(`Only in the ${which}: ${plural(sites.length, "site")} (${few(sites.map(({ path }) => path))})`)
  }
  for (const { key, first, second } of metadata) {
    const shown = (value: string | undefined): string => (value === undefined ? "not there" : printable(value))
    lines.push(`${printable(key)}: ${shown(first)} → ${shown(second)}`)
  }
  if (differing.length === 0) return lines.join("\n")
  const withOutputs = sites.some(({ delta }) => delta !== null)
  const rows = differing.map(({ site, parameters, delta }) => [
    site.path,
    parameters === null ? "another form" : percentText(parameters.relative),
    parameters === null ? "" : parameters.cosine.toFixed(4),
    ...(withOutputs ? [delta === null ? "" : percentText(delta)] : []),
  ])
  const head = ["site", "parameters", "cosine", ...(withOutputs ? ["outputs"] : [])]
  return [...lines, table([head, ...rows])].join("\n")
}
