// A test runner of StrykerJS. Its own runner for Vitest starts a worker for each mutant, which takes seconds. This one
// keeps a worker with all tests of a part (serving-runner.mjs), and asks it to run some of them.
import { syncBuiltinESMExports } from "node:module"
import threads, { BroadcastChannel } from "node:worker_threads"
import { createVitest } from "vitest/node"
import { effort, onlyWaited } from "./effort.mjs"
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
/** Seconds of computing in which a new worker has to load its tests. */
const MOST_RESTART_SECONDS = 600

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
    let limits = { computing: MOST_SECONDS, idle: MOST_IDLE_SECONDS }
    const patience = createPatience(() => limits)
    this.#whenTestBegins = (id) => {
      test = id
      limits = {
        computing: MOST_SECONDS + 10 * (this.#seconds.get(id) ?? 0),
        idle: MOST_IDLE_SECONDS + 10 * (this.#waits.get(id) ?? 0),
      }
      patience.renew()
    }
    const late = patience.lost.then((reason) => ({ late: `${reason} in ${test}` }))
    return Promise.race([this.#ask("mutate", about), late]).finally(patience.end)
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
    const patience = createPatience(() => ({ computing: MOST_RESTART_SECONDS, idle: MOST_IDLE_SECONDS }))
    const stuck = patience.lost.then((reason) => {
      const place = `${fileName}:${location.start.line + 1}:${location.start.column + 1} ${mutatorName} (mutant ${id})`
      throw new Error(`No new worker started after ${place}: ${reason}`)
    })
    const fresh = this.#end().then(() => this.#load())
    return Promise.race([fresh, stuck]).finally(patience.end)
  }
}

/** Watches this process. `lost` tells that it has computed or only waited for longer than its limits, since the last renewal. */
function createPatience(limitsOf) {
  let watch
  let begin = effort()
  let last = begin
  let waits = 0
  const lost = new Promise((resolve) => {
    watch = setInterval(() => {
      const now = effort()
      if (onlyWaited(last, now)) waits += now.clock - last.clock
      last = now
      const { computing, idle } = limitsOf()
      if (now.computing - begin.computing > computing) resolve(`more than ${computing} s of computing`)
      if (waits > idle) resolve(`no answer for ${idle} s without computing`)
    }, 500)
  })
  const renew = () => {
    begin = effort()
    waits = 0
  }
  return { lost, renew, end: () => clearInterval(watch) }
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
