import { stat } from "node:fs/promises"
import { LlliteError, openSafetensors, type SafetensorsHeader } from "@lllite/format"
import { withPath } from "@lllite/runtime-node/files"

/** What lists say of files: the headers of safetensors. A header is read again when its file has changed. */
export interface Headers {
  /** Null: the file is none, or broken. */
  of(path: string): Promise<Pick<SafetensorsHeader, "tensors" | "metadata"> | null>
}

/** Headers that are kept. */
const MOST_KEPT = 1000

export function createHeaders(): Headers {
  const kept = new Map<string, { readonly modified: number; readonly header: Awaited<ReturnType<Headers["of"]>> }>()
  return {
    async of(path) {
      const modified = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => null,
      )
      if (modified === null) return null
      const known = kept.get(path)
      if (known?.modified === modified) return known.header
      const header = await withPath(path, openSafetensors).then(
        ({ tensors, metadata }) => ({ tensors, metadata }),
        (error: unknown) => {
          if (error instanceof LlliteError) return null
          throw error
        },
      )
      const [oldest] = kept.keys()
      if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest)
      kept.set(path, { modified, header })
      return header
    },
  }
}
