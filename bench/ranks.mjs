#!/usr/bin/env node
// Measures what it costs to send a part of a training's step to a rank and its gradient back, at the size of a real LLLite,
// between two processes on this machine. The rank computes nothing: it returns the values that it got.
//
//   node bench/ranks.mjs [--values 23000000] [--rounds 10]
//
// Run after a build. Prints medians: seconds, and CPU seconds of each process.
import { fork } from "node:child_process"
import { parseArgs } from "node:util"
import { runRank, startRankHub } from "../packages/ranks/dist/index.js"

const IDENTITY = { what: "a measurement" }
const TOKEN = "a measurement"
const cpu = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

if (process.send !== undefined) {
  await runRank({
    ...{
      address: { host: "127.0.0.1", port: Number(process.argv[2]) },
      token: TOKEN,
      identity: IDENTITY,
      name: "rank",
      places: 1,
    },
    gradient: async ({ lllite }) => {
      process.send(cpu())
      return { loss: 0, gradients: lllite.values }
    },
    signal: new AbortController().signal,
  })
  process.send(cpu())
  process.disconnect()
} else {
  const { values: options } = parseArgs({
    options: { values: { type: "string", default: "23000000" }, rounds: { type: "string", default: "10" } },
  })
  const [count, rounds] = [Number(options.values), Number(options.rounds)]
  const hub = await startRankHub({ host: "127.0.0.1", port: 0, token: TOKEN, identity: IDENTITY })
  const child = fork(process.argv[1], [String(hub.address.port)])
  const ofRank = []
  child.on("message", (seconds) => ofRank.push(seconds))
  while (hub.places() === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  const row = {
    ...{ key: null, width: 1024, height: 1024, size: { original: [1024, 1024], crop: [0, 0], target: [1024, 1024] } },
    picture: { latents: new Float32Array(128 * 128 * 4) },
    text: { context: new Float32Array(77 * 2048), pooled: new Float32Array(1280) },
    control: { width: 1024, height: 1024, data: new Uint8Array(1024 * 1024 * 3) },
  }
  const part = {
    lllite: { adapters: [], values: Float32Array.from({ length: count }, (_, i) => Math.sin(i)) },
    ...{ task: { step: 0, firstRow: 0, examples: [0] }, rows: [row], objective: {} },
    encoding: { seed: 1, captionChunks: 1, weightedCaptions: false },
  }
  const { signal } = new AbortController()
  const walls = []
  const cpus = []
  for (let round = 0; round <= rounds; round++) {
    const start = [performance.now(), cpu()]
    const result = await hub.gradient(part, signal)
    if (result?.gradients.length !== count) throw new Error("the rank was lost")
    // The first round compiles.
    if (round === 0) continue
    walls.push((performance.now() - start[0]) / 1000)
    cpus.push(cpu() - start[1])
  }
  await hub.close()
  await new Promise((resolve) => child.once("exit", resolve))
  const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)].toFixed(3)
  const rank = ofRank.slice(1).map((seconds, i) => seconds - ofRank[i])
  const megabytes = (8 * count) / 1e6
  console.log(`${count} values there and back, ${megabytes.toFixed(0)} MB, ${rounds} rounds, medians:`)
  console.log(
    `seconds ${median(walls)}, CPU seconds of the leading process ${median(cpus)}, of the rank ${median(rank.slice(1))}`,
  )
}
