/** Gives a name in another layout, or null for a name that it does not know. */
export type Rename = (name: string) => string | null

/** Patterns of names in one layout, with the name in another. The first pattern that matches the whole name decides. */
export type Renames = readonly (readonly [pattern: RegExp, to: string | ((...captures: string[]) => string)])[]

/** Renames by patterns. The result is null for a name that matches none. */
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
