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
