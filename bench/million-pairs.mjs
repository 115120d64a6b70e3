#!/usr/bin/env node
// Simulates a training with a million pairs at 1024 px on 8, 64 and 512 cards, and what would change it. Nothing is
// computed but the simulation. Values can be replaced:
//
//   node bench/million-pairs.mjs [--cards 8,64,512] [--set use=0.5] [--set price=2] [--json]
import { parseArgs } from "node:util"
import { ASSUMPTIONS, valuesOf } from "./million-pairs/assumptions.mjs"
import { simulate } from "./million-pairs/simulate.mjs"

const { values: options } = parseArgs({
  options: {
    cards: { type: "string", default: "8,64,512" },
    set: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
})
const changes = Object.fromEntries(
  options.set.map((text) => {
    const [name, value] = text.split("=")
    if (!Number.isFinite(Number(value))) throw new Error(`--set ${text}, expected NAME=NUMBER`)
    return [name, Number(value)]
  }),
)

/** What could be built or bought, beside what there is. */
const VARIANTS = [
  ["as it is built", {}],
  ["float16", { bytesOfValue: 2 }],
  ["tree of 8", { fanOut: 8 }],
  ["tree of 8, 64 threads that read", { fanOut: 8, readThreads: 64 }],
  ["the same with float16", { fanOut: 8, readThreads: 64, bytesOfValue: 2 }],
]
const runs = options.cards.split(",").flatMap((cards) =>
  VARIANTS.map(([name, variant]) => ({
    name,
    ...simulate(valuesOf({ ...changes, ...variant, cards: Number(cards) })),
  })),
)
if (options.json) {
  console.log(JSON.stringify({ assumptions: ASSUMPTIONS, changes, runs }, null, 2))
} else {
  console.log("| value | number | | kind | source |\n| ----- | ------ | --- | ---- | ------ |")
  for (const [name, { value, unit, kind, source }] of Object.entries(ASSUMPTIONS)) {
    const replaced = Object.hasOwn(changes, name)
    console.log(`| ${name} | ${changes[name] ?? value} | ${unit} | ${replaced ? "given" : kind} | ${source} |`)
  }
  const titles = ["cards", "variant", "step, s", "compute", "waits", "exchange", "reading", "hours", "$", "efficiency"]
  console.log(`\n| ${titles.join(" | ")} | most time |\n|${" --- |".repeat(titles.length + 1)}`)
  for (const { cards, name, stepSeconds, perStep, days, price, efficiency, bottleneck, exchangeBound } of runs) {
    const parts = ["compute", "waits", "exchange", "reading"].map((part) => perStep[part].toFixed(1))
    const most = bottleneck === "exchange" ? `exchange, ${exchangeBound}` : bottleneck
    const cells = [
      cards,
      name,
      stepSeconds.toFixed(1),
      ...parts,
      (24 * days).toFixed(1),
      Math.round(price),
      efficiency.toFixed(2),
      most,
    ]
    console.log(`| ${cells.join(" | ")} |`)
  }
}
