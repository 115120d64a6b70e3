import { usedMiB } from "./card-memory.mjs"
import { countCalls } from "./counts.mjs"

/**
 * A piece of work measured from all sides: once to compile and to fill the pools, so often by the wall clock, once more
 * with its calls counted, and once by the device's own clock.
 *
 * @param work resolves when the device is done
 * @returns firstSeconds; seconds (the median) and hostSeconds, CPU time of the process, of a run; deviceSeconds without
 *   what lies between compute passes, null without timestamps; the counts of a run; cardMiB in use after it
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
