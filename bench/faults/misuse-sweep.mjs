// The engine of `misuse.mjs`: calls with right arguments, of which one value at a time is replaced. It runs in Node and in a
// page.

const NONE = Symbol("no value")
const WRONG = [
  ["undefined", undefined],
  ["null", null],
  ["a promise", Promise.resolve({})],
  ["a number", 7],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-1", -1],
  ["1e9", 1e9],
  ["text", "nonsense"],
  ["an object", {}],
  ["a list", []],
  ["a function", () => {}],
  ["true", true],
]

/**
 * Calls with one wrong value at a time, and counts the answers.
 *
 * @param calls a name, a function and its right arguments each
 * @param options names of the calls that are made, or none for all; whether wrong values that were taken are listed; which
 * errors are this project's; and what prints a line
 * @returns a row of counts for each call
 */
export async function sweep(calls, { only, taken, isOurs, print }) {
  const rows = []
  for (const { name, run, args } of calls) {
    if (only.length > 0 && !only.includes(name)) continue
    const right = await answer(() => run(...args), isOurs)
    if (right.kind !== "taken") print(`${name}: the right arguments: ${right.kind}: ${right.text}`)
    const row = { name, calls: 0, refused: 0, taken: 0, raw: 0, hung: 0 }
    for (const [what, changed] of changes(args)) {
      row.calls++
      const { kind, text } = await answer(() => run(...changed), isOurs)
      row[kind]++
      if (kind === "raw" || kind === "hung" || (taken && kind === "taken")) {
        print(`${name}: ${what}: ${kind}${text === "" ? "" : `: ${text}`}`)
      }
    }
    rows.push(row)
  }
  return rows
}

/** The arguments with one value changed, each with a description. */
function* changes(args) {
  for (const [i, arg] of args.entries()) {
    for (const [what, changed] of changesOf(arg, `argument ${i + 1}`)) {
      yield [what, args.map((each, j) => (i === j ? changed : each))]
    }
  }
}

/** A value replaced, and each value in it. Only plain objects and lists are entered. */
function* changesOf(value, path, depth = 0) {
  for (const [what, wrong] of WRONG) yield [`${path} is ${what}`, wrong]
  if (depth > 3) return
  if (Array.isArray(value)) {
    const [first = NONE] = value
    if (first === NONE || ArrayBuffer.isView(first)) return
    for (const [what, changed] of changesOf(first, `${path}[0]`, depth + 1)) yield [what, [changed, ...value.slice(1)]]
    return
  }
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return
  if (value.isWhole) return
  yield [`${path} has an unknown name`, { ...value, stpes: 20 }]
  for (const [key, inner] of Object.entries(value)) {
    for (const [what, changed] of changesOf(inner, `${path}.${key}`, depth + 1))
      yield [what, { ...value, [key]: changed }]
  }
}

/** How a call ends. What it gives is walked through and freed. */
async function answer(call, isOurs) {
  let timer
  const limit = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ kind: "hung", text: "" }), 20_000)
  })
  const work = (async () => {
    try {
      const result = await call()
      if (typeof result?.[Symbol.asyncIterator] === "function") for await (const _ of result);
      await (result?.dispose ?? result?.close)?.call(result)
      return { kind: "taken", text: "" }
    } catch (error) {
      if (isOurs(error)) return { kind: "refused", text: error.message }
      return { kind: "raw", text: `${error?.name}: ${error?.message}` }
    }
  })()
  const ended = await Promise.race([work, limit])
  clearTimeout(timer)
  return ended
}
