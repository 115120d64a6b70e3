/** A call of `misuse.mjs`: a function with right arguments. */
export function call(name, run, ...args) {
  return { name, run, args }
}

/** Marks a value that is changed as a whole only. */
export function whole(value) {
  Object.defineProperty(value, "isWhole", { value: true })
  return value
}
