// A test runner of StrykerJS. Its own runner for Vitest starts a worker for each mutant, which takes seconds. This one
// keeps a worker with all tests of a part (serving-runner.mjs), and asks it to run some of them.
import { syncBuiltinESMExports } from "node:module"
import { performance } from "node:perf_hooks"
import threads, { BroadcastChannel } from "node:worker_threads"
import { createVitest } from "vitest/node"
import { isInSample } from "./sample.mjs"

/**
 * Seconds of computing after which a test with a mutant is taken for endless, beside ten times those without the mutant.
 * Seconds of a clock would find mutants that a busy machine slows down.
 */
const MOST_SECONDS = 5

/** A loop without an end makes more than so many times the turns of the run without mutants. */
const MOST_TURNS = 20

/**
 * Seconds of a clock in which a worker with nothing to compute has to answer, beside ten times those of its test. The
 * worker has its own, shorter limit for tests that wait for ever. This one is for all else that waits.
 */
const MOST_IDLE_SECONDS = 60
const MOST_RESTART_MINUTES = 10
/** A process that computes for less than this share of a second only waits. */
const LEAST_LOAD = 0.02

/** The threads that Vitest has started, which it cannot end while they compute. */
const started = new Set()
/** What is to be done when one of them ends, of itself or not. */
let whenThreadEnds
threads.Worker = class extends threads.Worker {
  constructor(...given) {
    super(...given)
    started.add(this)
    let reason = ""
    this.once("error", (error) => {
      reason = `: ${error?.message ?? error}`
    })
    this.once("exit", (code) => {
      started.delete(this)
      whenThreadEnds?.(`the worker ended with code ${code}${reason}`)
    })
  }
}
syncBuiltinESMExports()

export class OneWorkerTestRunner {
  static inject = ["options"]
  #options
  #vitest
  #channel
  #run
  #asked = 0
  /** Turns of each mutant in each test, and the seconds of computing and of a clock of each test. */
  #turns = {}
  #seconds = new Map()
  #waits = new Map()
  #waiting = new Map()
  #whenTestBegins

  constructor(options) {
    this.#options = options
  }

  /** A mutant acts only while a test runs, so code that also runs while a file is loaded needs no new process. */
  capabilities() {
    return { reloadEnvironment: true }
  }

  async init() {
    process.env.NODE_ENV = "test"
    process.env.VITEST = "1"
    this.#vitest = await createVitest("test", {
      config: "scripts/mutation/vitest.config.ts",
      include: this.#options.testFiles,
      pool: "threads",
      maxWorkers: 1,
      watch: false,
      coverage: { enabled: false },
      includeTaskLocation: true,
      onConsoleLog: () => false,
    })
    await this.#load()
  }

  /** Starts a worker, and waits until it has all tests. */
  async #load() {
    const specifications = await this.#vitest.globTestSpecifications()
    const name = `mutation-${process.pid}-${this.#asked}`
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = ({ data }) => {
      if (data.begins !== undefined) this.#whenTestBegins?.(data.begins)
      else this.#waiting.get(data.answers)?.(data.value)
    }
    this.#vitest.provide("files", specifications.length)
    this.#vitest.provide("channel", name)
    const loaded = new Promise((resolve) => this.#waiting.set(0, resolve)).finally(() => this.#waiting.delete(0))
    this.#vitest.state.filesMap.clear()
    this.#run = this.#vitest.start()
    const ended = this.#run.then(() => {
      throw new Error("Vitest ended before its tests were loaded")
    })
    ended.catch(() => {})
    const failures = await Promise.race([loaded, ended])
    // An error that no test waits for, such as a promise that nothing handles, ends the worker.
    whenThreadEnds = (dead) => {
      for (const answer of [...this.#waiting.values()]) answer({ dead })
    }
    if (failures.length > 0) throw new Error(`Tests do not load: ${failures.join("; ")}`)
  }

  async dryRun() {
    const { results, mutantCoverage, dead } = await this.#ask("cover")
    if (dead) return { status: "error", errorMessage: `Without a mutant, ${dead}` }
    this.#turns = mutantCoverage.perTest
    this.#seconds = new Map(results.map(({ id, seconds }) => [id, seconds]))
    this.#waits = new Map(results.map(({ id, milliseconds }) => [id, milliseconds / 1000]))
    const tests = results.map(({ milliseconds, seconds: _, failure, ...test }) => ({
      ...test,
      timeSpentMs: milliseconds,
      ...(failure === undefined ? { status: "success" } : { status: "failed", failureMessage: failure }),
    }))
    return { status: "complete", tests, mutantCoverage }
  }

  async mutantRun({ activeMutant, testFilter: ids = [] }) {
    // A mutant with an error is not counted.
    if (!isInSample(counted(activeMutant), this.#options.sample)) {
      return { status: "error", errorMessage: "not in the sample" }
    }
    const limits = ids.map((id) => MOST_TURNS * (this.#turns[id]?.[activeMutant.id] ?? 0) + 1000)
    const about = { mutant: activeMutant.id, ids, limits }
    let answer = await this.#askWithin(about)
    if (answer.spoilt || answer.dead) {
      // An earlier mutant may have done it. In a new worker it can only be this one.
      await this.#restart(activeMutant)
      answer = await this.#askWithin(about)
    }
    if (answer.late || answer.dead || answer.spoilt) await this.#restart(activeMutant)
    if (answer.late) return { status: "timeout", reason: answer.late }
    if (answer.dead) return { status: "killed", killedBy: ids, failureMessage: answer.dead, nrOfTests: ids.length }
    if (answer.error) return { status: "error", errorMessage: answer.error }
    const { killedBy, failure, endless, nrOfTests } = answer
    if (endless) return { status: "timeout", reason: "too many turns of a loop" }
    if (killedBy === undefined) return { status: "survived", nrOfTests }
    return { status: "killed", killedBy: [killedBy], failureMessage: failure, nrOfTests }
  }

  /** Asks for a mutant's result. With `late`, a test computes for too long, or waits for too long. */
  async #askWithin(about) {
    let test = "the first test"
    let [computing, idle] = [MOST_SECONDS, MOST_IDLE_SECONDS]
    let used = seconds()
    let limit = used + computing
    let waits = 0
    let last = performance.now()
    this.#whenTestBegins = (id) => {
      test = id
      computing = MOST_SECONDS + 10 * (this.#seconds.get(id) ?? 0)
      idle = MOST_IDLE_SECONDS + 10 * (this.#waits.get(id) ?? 0)
      limit = seconds() + computing
      waits = 0
    }
    let watch
    const late = new Promise((resolve) => {
      watch = setInterval(() => {
        const [now, at] = [seconds(), performance.now()]
        const passed = (at - last) / 1000
        waits = now - used < LEAST_LOAD * passed ? waits + passed : 0
        ;[used, last] = [now, at]
        if (now > limit) resolve({ late: `more than ${computing} s of computing in ${test}` })
        if (waits > idle) resolve({ late: `no answer for ${idle} s without computing in ${test}` })
      }, 500)
    })
    return Promise.race([this.#ask("mutate", about), late]).finally(() => clearInterval(watch))
  }

  async dispose() {
    await this.#end()
    await this.#vitest?.close()
  }

  async #end() {
    whenThreadEnds = undefined
    this.#channel?.postMessage({ asks: "end" })
    this.#channel?.close()
    // Vitest waits for the end of its worker, which may compute without an end.
    await Promise.all([...started].map((thread) => thread.terminate()))
    await this.#run?.catch(() => {})
  }

  #ask(asks, about = {}) {
    const id = ++this.#asked
    return new Promise((resolve) => {
      this.#waiting.set(id, (value) => {
        this.#waiting.delete(id)
        resolve(value)
      })
      this.#channel.postMessage({ asks, id, ...about })
    })
  }

  /** Starts a new worker after a mutant. */
  async #restart({ id, fileName, mutatorName, location }) {
    let watch
    const stuck = new Promise((_, reject) => {
      const place = `${fileName}:${location.start.line + 1}:${location.start.column + 1} ${mutatorName} (mutant ${id})`
      const fail = () => reject(new Error(`No new worker started in ${MOST_RESTART_MINUTES} minutes after ${place}`))
      watch = setTimeout(fail, 60_000 * MOST_RESTART_MINUTES)
    })
    const fresh = this.#end().then(() => this.#load())
    return Promise.race([fresh, stuck]).finally(() => clearTimeout(watch))
  }
}

/** Seconds that this process has computed for, with its threads. */
function seconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** A mutant as in StrykerJS' results. There, lines and columns count from 1, and here from 0. */
function counted({ location: { start, end }, ...mutant }) {
  const next = ({ line, column }) => ({ line: line + 1, column: column + 1 })
  return { ...mutant, location: { start: next(start), end: next(end) } }
}

export const strykerValidationSchema = {
  properties: { sample: { description: "The share of mutants that run.", type: "number", minimum: 0, maximum: 1 } },
}
export const strykerPlugins = [{ kind: "TestRunner", name: "one-worker", injectableClass: OneWorkerTestRunner }]
