// The time of a device's work. With timestamps, it is the sum of all compute passes, without the time between them.
// Without timestamps, it is the wall clock's time from the first command until the device is done.

/** The most queries of a query set that WebGPU allows. A pass takes two. */
const MOST_QUERIES = 4096

/** @param device its feature `timestamp-query` selects the clock */
export function openClock(device) {
  const name = device.features.has("timestamp-query") ? "device" : "wall"
  return {
    name,
    /** Seconds that the device takes for what `run` submits. */
    seconds: async (run) => {
      const stamps = name === "device" ? stampPasses(device) : null
      const start = performance.now()
      try {
        await run()
        await device.queue.onSubmittedWorkDone()
      } finally {
        stamps?.stop()
      }
      const wall = (performance.now() - start) / 1000
      return stamps === null ? wall : await stamps.seconds()
    },
  }
}

/** Puts timestamps at both ends of every compute pass. It wraps the device, so all code is included. */
function stampPasses(device) {
  const { prototype } = globalThis.GPUCommandEncoder
  const begin = prototype.beginComputePass
  const sets = []
  let queries = 0
  prototype.beginComputePass = function (descriptor = {}) {
    const at = queries % MOST_QUERIES
    if (at === 0) sets.push(device.createQuerySet({ type: "timestamp", count: MOST_QUERIES }))
    queries += 2
    const timestampWrites = {
      ...{ querySet: sets.at(-1), beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
    }
    return begin.call(this, { ...descriptor, timestampWrites })
  }
  return {
    stop: () => {
      prototype.beginComputePass = begin
    },
    seconds: async () => {
      if (queries === 0) throw new Error("nothing was computed, so there is nothing to time")
      let sum = 0n
      for (const [i, querySet] of sets.entries()) {
        const count = Math.min(MOST_QUERIES, queries - i * MOST_QUERIES)
        const nanoseconds = await readStamps(device, querySet, count)
        for (let at = 0; at < count; at += 2) sum += nanoseconds[at + 1] - nanoseconds[at]
      }
      return Number(sum) / 1e9
    },
  }
}

async function readStamps(device, querySet, count) {
  const size = 8 * count
  const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC })
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  try {
    const encoder = device.createCommandEncoder()
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0)
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    return new BigUint64Array(staging.getMappedRange().slice(0))
  } finally {
    for (const each of [resolved, staging, querySet]) each.destroy()
  }
}

/**
 * Median seconds of a run, of a few spans of several runs each, all after one that warms up.
 *
 * @param run submits so many runs
 * @param span the least seconds of a span; 0 for one run, where speed does not matter
 */
export async function secondsOfRun(clock, run, { span = 0.02, spans = 3, most = 200 } = {}) {
  await run(1)
  const once = await clock.seconds(() => run(1))
  const count = Math.max(1, Math.min(most, Math.ceil(span / Math.max(once, 1e-7))))
  const times = [...(count === 1 ? [once] : [])]
  while (times.length < (span === 0 ? 1 : spans)) times.push((await clock.seconds(() => run(count))) / count)
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]
}
