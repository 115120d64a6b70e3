/** How a name of one layout is written in another: the first pattern that matches the whole name decides. */
export type Renames = readonly (readonly [pattern: RegExp, to: string | ((...captures: string[]) => string)])[]

/** A name in the other layout, or null where no pattern knows it. */
export function rename(name: string, renames: Renames): string | null {
  for (const [pattern, to] of renames) {
    const match = pattern.exec(name)
    if (match === null) continue
    return typeof to === "string" ? name.replace(pattern, to) : to(...match.slice(1))
  }
  return null
}
