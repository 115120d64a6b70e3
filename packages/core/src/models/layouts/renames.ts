/** A name in another layout, or null for one that it does not know. */
export type Rename = (name: string) => string | null

/** How a name of one layout is written in another: the first pattern that matches the whole name decides. */
export type Renames = readonly (readonly [pattern: RegExp, to: string | ((...captures: string[]) => string)])[]

/** Renames by patterns. A name that no pattern matches is not known. */
export function renameBy(renames: Renames): Rename {
  return (name) => {
    for (const [pattern, to] of renames) {
      const match = pattern.exec(name)
      if (match === null) continue
      return typeof to === "string" ? name.replace(pattern, to) : to(...match.slice(1))
    }
    return null
  }
}
