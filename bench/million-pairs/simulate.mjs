// A training of ranks, step by step. The leading process reads the pairs of the next step while the cards compute. It
// sends each part to its rank, and reads the gradients, one after the other on one thread. A step ends with the last one.
// With a tree, inner ranks pass parts on to ranks below them, and add up their gradients.

/** Numbers in [0, 1) that a seed repeats. Source: mulberry32 */
export function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function normalOf(random) {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Seconds in which a node serves a rank below it, each way, and how many it serves at how many levels. */
export function exchangeOf(v) {
  const ranks = v.cards - 1
  const levels = v.fanOut > 1 ? Math.max(1, Math.ceil(Math.log(v.cards) / Math.log(v.fanOut))) : 1
  const below = v.fanOut > 1 ? Math.min(v.fanOut, ranks) : ranks
  const cpu = (v.leadCpu / 2) * (v.bytesOfValue / 4)
  const half = v.bytesOfValue < 4 ? v.halfCpu : 0
  // Ranks of the leading machine do not use its network.
  const perSecond = (v.network * 1e9) / 8
  const isFar = v.cards > v.cardsOfMachine
  const values = isFar ? (v.values * v.bytesOfValue) / perSecond : 0
  const pairs = isFar ? (v.rowsOfPart * v.rawBytes * (ranks / Math.max(1, below))) / levels / perSecond : 0
  return {
    levels,
    below,
    send: Math.max(cpu, values + pairs),
    read: Math.max(cpu + half, values),
    isBoundByThread: cpu + half >= values + pairs,
  }
}

/**
 * Seconds of a step, where one thread serves ranks in turn. What it sends comes first. It reads gradients as they come.
 *
 * @param parts seconds of each rank's part
 */
export function servedSeconds(parts, { levels, below, send, read }) {
  if (levels > 1) return Math.max(0, ...parts) + levels * (below * send + read)
  const ready = parts.map((seconds, rank) => (rank + 1) * send + seconds).sort((a, b) => a - b)
  return ready.reduce((time, came) => Math.max(time, came) + read, parts.length * send)
}

/** The seconds of a part on a card, without spread. */
export function partSeconds(v) {
  return (v.rowsOfPart * (v.stepTflop + v.encodeTflop)) / (v.peakTflops * v.use)
}

/**
 * Simulates a run.
 *
 * @param steps the most that are simulated. The rest is extrapolated
 * @returns days, price, the share of each cause in a step's time, and the speed beside that of one card alone
 */
export function simulate(v, { seed = 1, steps: most = 2000 } = {}) {
  const normal = normalOf(randomOf(seed))
  const rows = v.cards * v.rowsOfPart
  const steps = Math.ceil((v.pairs * v.epochs) / rows)
  const part = partSeconds(v)
  const exchange = exchangeOf(v)
  const reading = Math.max((rows * v.readCpu) / v.readThreads, (rows * v.pairBytes) / (v.disk * 1e9))
  const counted = Math.min(steps, most)
  const sums = { compute: 0, waits: 0, exchange: 0, reading: 0, saving: 0 }
  let ready = reading
  for (let step = 0; step < counted; step++) {
    // The first card is that of the leading process, which is served at once.
    const [own, ...others] = Array.from({ length: v.cards }, () => part * (1 + v.spread * Math.abs(normal())))
    const slowest = Math.max(own, ...others)
    const took = Math.max(own, servedSeconds(others, exchange))
    const missing = Math.max(0, ready - took)
    sums.compute += part
    sums.waits += slowest - part
    sums.exchange += took - slowest
    sums.reading += missing
    sums.saving += (step + 1) % v.saveEvery === 0 ? v.saveSeconds : 0
    ready = reading
  }
  const perStep = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / counted]))
  const stepSeconds = Object.values(perStep).reduce((sum, each) => sum + each, 0)
  const hours = (steps * stepSeconds) / 3600
  // A lost rank costs nothing but its part. A lost leading machine costs the steps since the last state.
  const faults = (hours * Math.min(v.cards, v.cardsOfMachine)) / v.hoursToFault
  const lost = (faults * (v.restart + (v.saveEvery / 2) * stepSeconds)) / 3600
  const all = hours + lost
  const [bottleneck] = Object.entries(perStep).sort(([, a], [, b]) => b - a)[0]
  return {
    ...{ cards: v.cards, rows, steps, stepSeconds, perStep },
    exchangeBound: exchange.isBoundByThread ? "thread" : "network",
    ...{ days: all / 24, price: all * v.cards * v.price, lostHours: lost, bottleneck },
    efficiency: part / v.rowsOfPart / (stepSeconds / rows) / v.cards,
    terabytes: (v.pairs * v.pairBytes) / 1e12,
  }
}
