/** A call of `misuse.mjs`: a function with right arguments. */
export function call(name, run, ...args) {
  return { name, run, args }
}

/** Marks a value that is changed as a whole only. */
export function whole(value) {
  Object.defineProperty(value, "isWhole", { value: true })
  return value
}

/** All bytes of chunks. */
export async function bytesOf(chunks) {
  const parts = []
  for await (const chunk of chunks) parts.push(Buffer.from(chunk))
  return new Uint8Array(Buffer.concat(parts))
}
