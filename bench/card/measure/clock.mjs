// How long a device takes. By its own timestamps where it has them: the time of every compute pass, without what lies
// between. By the wall clock else, from the first command until the device is done.

/** Of a query set, the most that WebGPU allows; a pass takes two. */
const MOST_QUERIES = 4096

/** @param device its feature `timestamp-query` decides the clock */
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

/** Puts timestamps at both ends of every compute pass, whatever code begins it. */
function stampPasses(device) {
  const querySet = device.createQuerySet({ type: "timestamp", count: MOST_QUERIES })
  const { prototype } = globalThis.GPUCommandEncoder
  const begin = prototype.beginComputePass
  let queries = 0
  prototype.beginComputePass = function (descriptor = {}) {
    if (queries + 2 > MOST_QUERIES) throw new Error(`over ${MOST_QUERIES / 2} compute passes in one measurement`)
    const timestampWrites = { querySet, beginningOfPassWriteIndex: queries, endOfPassWriteIndex: queries + 1 }
    queries += 2
    return begin.call(this, { ...descriptor, timestampWrites })
  }
  return {
    stop: () => {
      prototype.beginComputePass = begin
    },
    seconds: async () => {
      const nanoseconds = await readStamps(device, querySet, queries)
      let sum = 0n
      for (let i = 0; i < queries; i += 2) sum += nanoseconds[i + 1] - nanoseconds[i]
      return Number(sum) / 1e9
    },
  }
}

async function readStamps(device, querySet, count) {
  if (count === 0) throw new Error("nothing was computed, so there is nothing to time")
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
