import { usedMiB } from "./card-memory.mjs"
import { countCalls } from "./counts.mjs"

/**
 * Measures a piece of work. The first run compiles and fills the pools. Some runs are timed by the wall clock. One run
 * counts the calls, and one is timed by the device's clock.
 *
 * @param work resolves when the device is done
 * @returns firstSeconds: the first run. seconds: the median. hostSeconds: the process's CPU time of a run.
 *   deviceSeconds: without the time between compute passes. Null: the device has no timestamps. Also the counts of a
 *   run, and cardMiB: the card's memory in use after it
 */
export async function observe(clock, runs, work) {
  const firstSeconds = (await timed(work)).seconds
  const times = []
  for (let i = 0; i < runs; i++) times.push(await timed(work))
  const stop = countCalls()
  await work()
  const counts = stop()
  const deviceSeconds = clock.name === "device" ? await clock.seconds(work) : null
  return {
    ...{ firstSeconds, seconds: median(times.map(({ seconds }) => seconds)) },
    ...{ hostSeconds: median(times.map(({ hostSeconds }) => hostSeconds)), deviceSeconds, runs },
    ...{ counts, cardMiB: await usedMiB() },
  }
}

async function timed(work) {
  const [cpu, since] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - since) / 1000, hostSeconds: (user + system) / 1e6 }
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
