import type { Answer, Outcome, Task } from "./tasks.ts"

declare global {
  interface Window {
    /** Runs a task in the worker, one at a time. */
    compute(task: Task): Promise<Outcome>
    /** Starts an adapter several times in a separate worker, and returns how often it was tuned. */
    tuned(starts: number): Promise<number>
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

window.tuned = (starts) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./tiles-worker.ts", import.meta.url), { type: "module" })
    worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(starts)
  })
