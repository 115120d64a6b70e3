/** Output of a run. A terminal shows one live line. Other outputs get one JSON object a line. */
export interface Reporter {
  /** Progress of a phase. `figures` are shown beside it, for example the loss. */
  progress(phase: string, done: number, count: number, figures?: Readonly<Record<string, number>>): void
  /** A message that stays: `event` and `fields` for programs, `text` for people. */
  say(event: string, fields: Readonly<Record<string, unknown>>, text: string): void
  /** Ends the live line. */
  close(): void
}

/** The part of a stream that a reporter writes to. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Milliseconds between two updates of the live line. */
const REDRAW_MS = 100
/** Number of past updates that the rate is the mean of. */
const RATE_WINDOW = 20
const BAR_WIDTH = 24
const CLEAR_LINE = "\r\u001b[2K"

/** @param now milliseconds, from any start */
export function createReporter(output: Output, now: () => number = () => performance.now()): Reporter {
  return output.isTTY === true ? createLiveReporter(output, now) : createJsonReporter(output, now)
}

function createJsonReporter(output: Output, now: () => number): Reporter {
  const rateOf = createRate(now)
  const print = (value: object): void => void output.write(`${JSON.stringify(value)}\n`)
  return {
    progress(phase, done, count, figures = {}) {
      const { perSecond, secondsLeft } = rateOf(phase, done, count)
      print({ event: "progress", phase, done, count, ...figures, perSecond, secondsLeft })
    },
    say: (event, fields) => print({ event, ...fields }),
    close: () => {},
  }
}

function createLiveReporter(output: Output, now: () => number): Reporter {
  const rateOf = createRate(now)
  let drawn = Number.NEGATIVE_INFINITY
  let isOpen = false
  return {
    progress(phase, done, count, figures = {}) {
      const { perSecond, secondsLeft } = rateOf(phase, done, count)
      if (now() - drawn < REDRAW_MS && done < count) return
      drawn = now()
      const filled = Math.round((BAR_WIDTH * done) / Math.max(1, count))
      const parts = [
        phase,
        "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled),
        `${Math.floor(done)}/${count}`,
        ...Object.entries(figures).map(([name, value]) => `${name} ${shortNumber(value)}`),
        ...(perSecond === null ? [] : [`${shortNumber(perSecond)}/s`]),
        ...(secondsLeft === null ? [] : [`${clock(secondsLeft)} left`]),
      ]
      // A line that wraps cannot be cleared again.
      const width = Math.max(20, (output.columns ?? 80) - 1)
      output.write(CLEAR_LINE + [...parts.join("  ")].slice(0, width).join(""))
      isOpen = true
    },
    say(_, __, text) {
      output.write(`${isOpen ? CLEAR_LINE : ""}${text}\n`)
      isOpen = false
    },
    close() {
      if (isOpen) output.write("\n")
      isOpen = false
    },
  }
}

interface Rate {
  /** Null until the first measurement. */
  readonly perSecond: number | null
  readonly secondsLeft: number | null
}

/** The rate of the current phase over its last updates. */
function createRate(now: () => number): (phase: string, done: number, count: number) => Rate {
  let current = ""
  let points: { readonly at: number; readonly done: number }[] = []
  return (phase, done, count) => {
    // Fewer things are done than before where the next work of the phase begins.
    if (phase !== current || done < (points.at(-1)?.done ?? 0)) points = []
    current = phase
    points.push({ at: now(), done })
    if (points.length > RATE_WINDOW) points.shift()
    const [first] = points
    const last = points.at(-1)
    if (first === undefined || last === undefined || last.at <= first.at || last.done <= first.done) {
      return { perSecond: null, secondsLeft: null }
    }
    const perSecond = (1000 * (last.done - first.done)) / (last.at - first.at)
    return { perSecond: round(perSecond), secondsLeft: round((count - done) / perSecond) }
  }
}

/** Minutes and seconds, or hours too: `1:05`, `2:00:00`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const pad = (value: number): string => String(value).padStart(2, "0")
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}

function shortNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1)
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
