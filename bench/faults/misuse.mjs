// Calls the library with wrong arguments, and counts the answers. Each call has right arguments, of which one value at a
// time is replaced: by nothing, a promise, another type, or a number that is none. Options get a name that none has.
// An answer is right if it is an error of this project, or if the value is allowed. Needs a build.
//   node bench/faults/misuse.mjs [--group blocks|doors|machines|networks|page]... [--only NAME]... [--taken]
// --taken lists the wrong values that were taken. The group page runs in Chromium, and needs Node 22.18 or newer.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { LlliteError } from "../../packages/format/dist/index.js"
import { sweepPage } from "./misuse-page.mjs"
import { sweep } from "./misuse-sweep.mjs"

/** The calls by what they need: nothing, or a runtime. */
const GROUPS = {
  blocks: async () => ({ calls: (await import("./misuse-blocks.mjs")).pureCalls(), close() {} }),
  doors: async (folder) => (await import("./misuse-calls.mjs")).openCalls(folder),
  machines: async () => (await import("./misuse-machines.mjs")).machineCalls(),
  networks: async () => (await import("./misuse-networks.mjs")).networkCalls(),
}

const { values } = parseArgs({
  options: {
    group: { type: "string", multiple: true, default: ["blocks", "doors", "machines", "networks"] },
    only: { type: "string", multiple: true, default: [] },
    taken: { type: "boolean", default: false },
  },
})
const folder = await mkdtemp(join(tmpdir(), "lllite-misuse-"))
// Some wrong values are names of files.
process.chdir(folder)
const rows = []
try {
  for (const group of values.group) rows.push(...(await sweepGroup(group)))
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

async function sweepGroup(group) {
  const { only, taken } = values
  if (group === "page") return sweepPage({ only, taken, print: console.log })
  const { calls, close } = await GROUPS[group](folder)
  try {
    return await sweep(calls, { only, taken, isOurs, print: console.log })
  } finally {
    await close()
  }
}

/** Whether an error is one that this project throws. The tiny package has no class of its own. */
function isOurs(error) {
  return error instanceof LlliteError || (error instanceof Error && error.message.includes(", expected "))
}
