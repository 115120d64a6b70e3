import type { Answer, Outcome, PassCounts, Task } from "./tasks.ts"

declare global {
  interface Window {
    /** Runs a task in the worker, one at a time. */
    compute(task: Task): Promise<Outcome>
    /** Starts an adapter several times in a separate worker, and returns how often it was tuned. */
    tuned(starts: number): Promise<number>
    /** Counts WebGPU's calls of a pass in a separate worker. */
    counted(): Promise<PassCounts>
  }
}

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })

window.compute = (task) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) =>
      "error" in data ? reject(data.error) : resolve(data.outcome)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(task)
  })

window.tuned = (starts) => asked(new Worker(new URL("./tiles-worker.ts", import.meta.url), { type: "module" }), starts)

window.counted = () => asked(new Worker(new URL("./counts-worker.ts", import.meta.url), { type: "module" }), null)

/** The only answer of a worker. */
function asked<T>(worker: Worker, question: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<T>) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(question)
  })
}
