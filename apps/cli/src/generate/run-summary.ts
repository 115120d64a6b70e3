import type { Reporter } from "../terminal/progress.ts"
import { plural, sizeText } from "../terminal/text.ts"

/** What a generation took: time and memory. */
export interface RunSummary {
  /** Takes a step of a run, as soon as it is done. */
  step(step: { readonly first: number; readonly step: number }): void
  /** Takes a finished picture, and the bytes that the device holds then. Null: the device is the processor. */
  picture(deviceBytes: number | null): void
  /** Says it in two lines. Says nothing without a picture. */
  say(reporter: Reporter): void
}

/** What a summary reads of the machine. */
export interface SummarySource {
  /** Milliseconds, from any start. */
  readonly now: () => number
  /** The most memory that this process has held, in bytes. */
  readonly peakBytes: () => number
}

/** `maxRSS` is in KiB on every system. */
const PROCESS: SummarySource = {
  now: () => performance.now(),
  peakBytes: () => process.resourceUsage().maxRSS * 1024,
}

/**
 * Creates a summary. A step is timed from the end of the step before it in its batch, so texts, pictures, files and the
 * time in which a prompt is typed do not count.
 */
export function createRunSummary({ now, peakBytes }: SummarySource = PROCESS): RunSummary {
  /** The last step of each running batch, by its first picture. Workers run batches at the same time. */
  const last = new Map<number, { readonly step: number; readonly at: number }>()
  let [pictures, steps, timed, seconds] = [0, 0, 0, 0]
  let deviceMost: number | null = null
  return {
    step({ first, step }) {
      const at = now()
      const before = last.get(first)
      steps += 1
      if (before !== undefined && before.step === step - 1) {
        timed += 1
        seconds += (at - before.at) / 1000
      }
      last.set(first, { step, at })
    },
    picture(deviceBytes) {
      pictures += 1
      if (deviceBytes !== null) deviceMost = Math.max(deviceMost ?? 0, deviceBytes)
    },
    say(reporter) {
      if (pictures === 0) return
      const perStep = timed === 0 ? null : Number((seconds / timed).toPrecision(3))
      const memory = peakBytes()
      const each = perStep === null ? "" : `, ${perStep} s per step`
      const device = deviceMost === null ? "" : ` and ${sizeText(deviceMost)} on the device`
      reporter.say(
        "summary",
        {
          ...{ pictures, steps, secondsPerStep: perStep, peakBytes: memory },
          ...(deviceMost === null ? {} : { deviceBytes: deviceMost }),
        },
        `${plural(pictures, "picture")}, ${plural(steps, "step")}${each}.\nPeak memory: ${sizeText(memory)}${device}.`,
      )
    },
  }
}
