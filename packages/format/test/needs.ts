declare module "vitest" {
  interface TaskMeta {
    /** What a suite or a test needs of the machine. */
    needs?: string
  }
}

/** Options of a suite or a test that can run on some machines only. */
export interface Needs {
  readonly skip: boolean
  readonly meta: { readonly needs?: string }
}

/**
 * Skips a suite or a test where something is missing. The totals at the end of a run name what was skipped and why.
 *
 * @param what names the thing and how to get it
 */
export function needs(what: string, isThere: boolean): Needs {
  return { skip: !isThere, meta: isThere ? {} : { needs: what } }
}

/** Tests that are slow and rarely break. `npm run long` runs them. Each part of the project keeps a quick test besides. */
export const longOnly = needs("npm run long", process.env.LLLITE_LONG === "1")

/** All of several needs. The first that is not met is the reason for the skip. */
export function needsAll(...all: readonly Needs[]): Needs {
  return all.find(({ skip }) => skip) ?? { skip: false, meta: {} }
}
