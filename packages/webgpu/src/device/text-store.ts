/** Storage for a short text, which keeps what is known of adapters from one start to the next. */
export interface TextStore {
  /** Reads the text. Rejects if there is no text, or if it cannot be read. */
  read(): Promise<string>
  write(text: string): Promise<void>
}

/** What a store has, by adapter. Empty if it is damaged or not readable. */
export async function readKept(store: TextStore): Promise<Partial<Record<string, unknown>>> {
  try {
    return Object(JSON.parse(await store.read()))
  } catch {
    return {}
  }
}

/** Writes what is known by adapter. A failure only costs that it is found out again. */
export async function writeKept(store: TextStore, kept: Partial<Record<string, unknown>>): Promise<void> {
  await store.write(`${JSON.stringify(kept, null, 2)}\n`).catch(() => {})
}
