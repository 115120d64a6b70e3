import { readdir } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import type { PlannedPicture } from "../plan-pictures.ts"

/** The default prefixes of workflows: ComfyUI's and ours. */
const COMMON: readonly string[] = ["ComfyUI", "lllite"]

/**
 * The pictures with the names of ComfyUI's Save Image: `PREFIX_00001_.png`, where the workflow has a prefix of its own.
 * Numbers go on after those of the folder. A prefix may have folders, which lie in that of the pictures.
 *
 * @param now the time for `%date%`
 */
export async function withPrefix(
  pictures: readonly PlannedPicture[],
  prefix: string | null,
  outdir: string,
  { now, used }: { readonly now: Date; readonly used: Map<string, number> },
): Promise<readonly PlannedPicture[]> {
  if (prefix === null || COMMON.includes(prefix)) return pictures
  const named: PlannedPicture[] = []
  for (const picture of pictures) {
    const path = safePath(expandPrefix(prefix, picture.recipe, now))
    if (picture.fileName !== null || path === "") {
      named.push(picture)
      continue
    }
    const number = (used.get(path) ?? (await lastNumber(join(outdir, path)))) + 1
    used.set(path, number)
    named.push({ ...picture, fileName: `${path}_${String(number).padStart(5, "0")}_.png` })
  }
  return named
}

/** A prefix with the time and the size in the place of their names. Source: ComfyUI a125cd8, `folder_paths.py` */
export function expandPrefix(
  prefix: string,
  { width, height, seed }: Pick<PlannedPicture["recipe"], "width" | "height" | "seed">,
  now: Date,
): string {
  const two = (value: number): string => String(value).padStart(2, "0")
  const parts = {
    yyyy: String(now.getFullYear()),
    ...{ yy: two(now.getFullYear() % 100), MM: two(now.getMonth() + 1), dd: two(now.getDate()) },
    ...{ hh: two(now.getHours()), mm: two(now.getMinutes()), ss: two(now.getSeconds()) },
    ...{ M: String(now.getMonth() + 1), d: String(now.getDate()), h: String(now.getHours()) },
    ...{ m: String(now.getMinutes()), s: String(now.getSeconds()) },
  }
  const dated = (format: string): string =>
    format.replaceAll(/yyyy|yy|MM|dd|hh|mm|ss|M|d|h|m|s/g, (name) => parts[name as keyof typeof parts])
  const values: Readonly<Record<string, string>> = {
    ...{ width: String(width), height: String(height), seed: String(seed) },
    ...{ year: parts.yyyy, month: parts.MM, day: parts.dd, hour: parts.hh, minute: parts.mm, second: parts.ss },
    date: dated("yyyyMMddhhmmss"),
  }
  return prefix
    .replaceAll(/%date:([^%]*)%/g, (_, format: string) => dated(format))
    .replaceAll(/%(\w+)%/g, (whole, name: string) => (Object.hasOwn(values, name) ? (values[name] ?? whole) : whole))
}

/** A path in a folder, in signs that every system takes. The workflow may come from anywhere, so it cannot lead out. */
function safePath(text: string): string {
  return text
    .split(/[/\\]/)
    .map((part) =>
      part
        .replaceAll(/[^\p{L}\p{N}._ ()+,=@-]/gu, "_")
        .replace(/^[. ]+|[. ]+$/g, "")
        .slice(0, 100),
    )
    .filter((part) => part !== "")
    .slice(-8)
    .join("/")
}

/** The last number of a prefix in its folder. */
async function lastNumber(path: string): Promise<number> {
  const start = `${basename(path)}_`
  const names = await readdir(dirname(path)).catch(() => [])
  const numbers = names.map((name) =>
    name.startsWith(start) ? Number(/^(\d{1,9})_/.exec(name.slice(start.length))?.[1] ?? 0) : 0,
  )
  return numbers.reduce((most, number) => Math.max(most, number), 0)
}
