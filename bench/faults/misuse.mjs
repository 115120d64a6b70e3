// Calls the library with wrong arguments, and counts the answers. Each call has right arguments, of which one value at a
// time is replaced: by nothing, a promise, another type, or a number that is none. Options get a name that none has.
// An answer is right if it is an error of this project, or if the value is allowed. Needs a build.
//   node bench/faults/misuse.mjs [--group blocks|doors|machines|networks|web]... [--only NAME]... [--taken]
// --taken lists the wrong values that were taken.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { LlliteError } from "../../packages/format/dist/index.js"

/** The calls by what they need: nothing, or a runtime. */
const GROUPS = {
  blocks: async () => ({ calls: (await import("./misuse-blocks.mjs")).pureCalls(), close() {} }),
  doors: async (folder) => (await import("./misuse-calls.mjs")).openCalls(folder),
  machines: async () => (await import("./misuse-machines.mjs")).machineCalls(),
  networks: async () => (await import("./misuse-networks.mjs")).networkCalls(),
  web: async () => (await import("./misuse-web.mjs")).webCalls(),
}

const { values } = parseArgs({
  options: {
    group: { type: "string", multiple: true, default: ["blocks", "doors", "machines", "networks"] },
    only: { type: "string", multiple: true, default: [] },
    taken: { type: "boolean", default: false },
  },
})
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

const folder = await mkdtemp(join(tmpdir(), "lllite-misuse-"))
// Some wrong values are names of files.
process.chdir(folder)
const rows = []
try {
  for (const group of values.group) await sweep(await GROUPS[group](folder))
} finally {
  await rm(folder, { recursive: true, force: true })
}
console.log(
  "| call | calls | refused | taken | errors of the language | without an end |\n| --- | --- | --- | --- | --- | --- |",
)
const sum = { name: "all", calls: 0, refused: 0, taken: 0, raw: 0, hung: 0 }
for (const row of rows) for (const key of ["calls", "refused", "taken", "raw", "hung"]) sum[key] += row[key]
for (const { name, calls, refused, taken, raw, hung } of [...rows, sum]) {
  console.log(`| ${name} | ${calls} | ${refused} | ${taken} | ${raw} | ${hung} |`)
}
process.exit(sum.raw + sum.hung === 0 ? 0 : 1)

async function sweep({ calls, close }) {
  try {
    for (const { name, run, args } of calls) {
      if (values.only.length > 0 && !values.only.includes(name)) continue
      const right = await answer(() => run(...args))
      if (right.kind !== "taken") console.log(`${name}: the right arguments: ${right.kind}: ${right.text}`)
      const row = { name, calls: 0, refused: 0, taken: 0, raw: 0, hung: 0 }
      for (const [what, changed] of changes(args)) {
        row.calls++
        const { kind, text } = await answer(() => run(...changed))
        row[kind]++
        if (kind === "raw" || kind === "hung" || (values.taken && kind === "taken")) {
          console.log(`${name}: ${what}: ${kind}${text === "" ? "" : `: ${text}`}`)
        }
      }
      rows.push(row)
    }
  } finally {
    await close()
  }
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

/** Whether an error is one that this project throws. The tiny package has no class of its own. */
function isOurs(error) {
  return error instanceof LlliteError || (error instanceof Error && error.message.includes(", expected "))
}

/** How a call ends. What it gives is walked through and freed. */
async function answer(call) {
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
