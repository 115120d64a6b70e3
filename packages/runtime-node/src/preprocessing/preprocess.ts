import { parentPort } from "node:worker_threads"
import { CoreError } from "@lllite/core"
import { preprocess } from "@lllite/core/image"
import type { PreprocessAnswer, PreprocessTask } from "./threads.ts"

/* A thread that makes control pictures. */

const port = parentPort
if (port === null)
  throw new Error("preprocess: this file runs only as a worker thread. Call startPreprocessing instead.")

port.on("message", ({ image, preprocessing }: PreprocessTask) => {
  port.postMessage(answer({ image, preprocessing }))
})

function answer({ image, preprocessing }: PreprocessTask): PreprocessAnswer {
  try {
    return { image: preprocess(image, preprocessing) }
  } catch (error) {
    if (error instanceof CoreError) return { code: error.code, message: error.message }
    throw error
  }
}
