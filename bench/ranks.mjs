#!/usr/bin/env node
// Measures what it costs to send the parts of a training's step to ranks and their gradients back, at the size of a real
// LLLite, between processes on this machine. The ranks compute nothing: they return the values that they got.
//
//   node bench/ranks.mjs [--values 23000000] [--rounds 10] [--ranks 1] [--precision float32|float16] [--shape tree|flat]
//     [--backward 0] [--late] [--count] [--mbit 1000]
//
// `--backward SECONDS` lets a rank wait as long as a backward pass, in which its gradient becomes final from back to front.
// `--late` lets it become final at the end alone. `--count` counts bytes, by a way between that `--mbit` slows down.
// Run after a build. Prints medians: seconds, and CPU seconds of each process.
import { fork } from "node:child_process"
import { connect, createServer } from "node:net"
import { Transform } from "node:stream"
import { parseArgs } from "node:util"
import { createPartPool } from "../packages/core/dist/runtime.js"
import { runRank, startRankHub } from "../packages/ranks/dist/index.js"

const IDENTITY = { what: "a measurement" }
const TOKEN = "a measurement"
/** Times at which a waiting rank says what is final. */
const MOMENTS = 20
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
/** Says what should not happen. */
const say = ({ kind, reason }) => {
  if (reason !== undefined) console.log(`${kind}: ${reason}`)
}
const cpu = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function work(port, backward, isLate) {
  let computed = 0
  process.on("message", () => process.send({ cpu: cpu(), computed }))
  await runRank({
    ...{
      address: { host: "127.0.0.1", port },
      token: TOKEN,
      identity: IDENTITY,
      name: "rank",
      places: 1,
      onEvent: say,
    },
    async gradient({ lllite: { values } }, _, onFinal) {
      computed += 1
      for (let i = MOMENTS; backward > 0 && i > 0; i--) {
        await sleep(backward / MOMENTS)
        if (isLate) continue
        const at = (share) => Math.floor((values.length * share) / MOMENTS)
        onFinal(values, [[at(i - 1), at(i)]])
      }
      return { loss: 0, gradients: values }
    },
    signal: new AbortController().signal,
  })
  process.disconnect()
}

/** Hands on what comes, as fast as a network of a number of Mbit/s. */
function slowed(mbit) {
  let until = 0
  return new Transform({
    transform(data, _, done) {
      const now = performance.now()
      until = Math.max(until, now) + (data.length * 8) / (1000 * mbit)
      if (until - now < 5) done(null, data)
      else setTimeout(() => done(null, data), until - now)
    },
  })
}

/** A way to a port that counts what goes through it. */
async function countedWay(port, mbit) {
  const counted = { back: 0, forth: 0 }
  const server = createServer((from) => {
    const to = connect(port, "127.0.0.1")
    from.on("data", (data) => {
      counted.back += data.length
    })
    to.on("data", (data) => {
      counted.forth += data.length
    })
    if (mbit > 0) {
      from.pipe(slowed(mbit)).pipe(to)
      to.pipe(slowed(mbit)).pipe(from)
    } else from.pipe(to).pipe(from)
    for (const end of [from, to]) end.on("error", () => {})
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { counted, port: server.address().port, close: () => server.close() }
}

async function measure() {
  const { values: given } = parseArgs({
    options: {
      values: { type: "string", default: "23000000" },
      rounds: { type: "string", default: "10" },
      ranks: { type: "string", default: "1" },
      precision: { type: "string", default: "float32" },
      shape: { type: "string", default: "tree" },
      backward: { type: "string", default: "0" },
      late: { type: "boolean", default: false },
      count: { type: "boolean", default: false },
      mbit: { type: "string", default: "0" },
    },
  })
  const [count, rounds, ranks] = [Number(given.values), Number(given.rounds), Number(given.ranks)]
  const values = Float32Array.from({ length: count }, (_, i) => (i % 1000) / 999 - 0.5)
  const group = given.shape === "flat" ? { group: null } : {}
  const hub = await startRankHub({
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    identity: IDENTITY,
    ...group,
    onEvent: say,
  })
  const mbit = Number(given.mbit)
  const way = given.count || mbit > 0 ? await countedWay(hub.address.port, mbit) : null
  const port = String(way?.port ?? hub.address.port)
  const children = Array.from({ length: ranks }, () =>
    fork(process.argv[1], [port, given.backward, given.late ? "late" : ""]),
  )
  while (hub.ranks() < ranks) await sleep(0.02)
  const row = {
    ...{ key: null, width: 1024, height: 1024, size: { original: [1024, 1024], crop: [0, 0], target: [1024, 1024] } },
    picture: { latents: new Float32Array(128 * 128 * 4) },
    text: { context: new Float32Array(77 * 2048), pooled: new Float32Array(1280) },
    control: { width: 1024, height: 1024, data: new Uint8Array(1024 * 1024 * 3) },
  }
  const { signal } = new AbortController()
  const partsOf = (step) =>
    Array.from({ length: ranks }, (_, lane) => ({
      ...{ lllite: { adapters: [], values }, rows: [row], objective: {} },
      task: { step, firstRow: lane, examples: [lane], lane },
      encoding: { seed: 1, captionChunks: 1, weightedCaptions: false },
      ...(given.precision === "float16" ? { feedback: "kept" } : {}),
    }))
  const help = {
    free: async () => ({ places: hub.places(), branches: hub.branches() }),
    gradient: (part) => hub.gradient(part, signal),
    sum: (one) => hub.sum(one, signal),
    takeFeedback: hub.takeFeedback,
  }
  const ask = (child) =>
    new Promise((resolve) => {
      child.once("message", resolve)
      child.send("cpu")
    })
  const pool = createPartPool()
  const rows = []
  for (let round = 0; round <= rounds; round++) {
    const before = await Promise.all(children.map(ask))
    const start = { wall: performance.now(), cpu: cpu(), ...way?.counted }
    // Nothing is computed here.
    await pool.compute(partsOf(round), [], help)
    const wall = (performance.now() - start.wall) / 1000
    const own = cpu() - start.cpu
    const after = await Promise.all(children.map(ask))
    const ofRanks = after.map((one, i) => one.cpu - before[i].cpu)
    if (after.some((one, i) => one.computed !== before[i].computed + 1))
      console.log(`Parts of the ranks: ${after.map((one, i) => one.computed - before[i].computed)}`)
    const bytes = way === null ? null : { back: way.counted.back - start.back, forth: way.counted.forth - start.forth }
    // The first round compiles.
    if (round > 0) rows.push({ wall, own, most: Math.max(...ofRanks), all: ofRanks.reduce((a, b) => a + b, 0), bytes })
  }
  await hub.close()
  await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))))
  way?.close()
  const median = (name) => rows.map((one) => one[name]).sort((a, b) => a - b)[Math.floor(rows.length / 2)]
  console.log(`${ranks} ranks, ${given.shape}, ${given.precision}, ${count} values, ${rounds} rounds, medians:`)
  const figures = ["wall", "own", "most", "all"].map((name) => median(name).toFixed(3))
  console.log(
    `seconds ${figures[0]}, CPU seconds: leading process ${figures[1]}, largest of a rank ${figures[2]}, all ranks ${figures[3]}`,
  )
  const [{ bytes }] = rows
  if (bytes !== null)
    console.log(`MB from the leading process ${(bytes.forth / 1e6).toFixed(1)}, to it ${(bytes.back / 1e6).toFixed(1)}`)
}

if (process.send !== undefined) await work(Number(process.argv[2]), Number(process.argv[3]), process.argv[4] === "late")
else await measure()
