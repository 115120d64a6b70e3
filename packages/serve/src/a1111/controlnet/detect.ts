import type { Preprocessing, RgbImage } from "@lllite/core/image"
import { LlliteError } from "@lllite/format"

/** Makes control pictures, one at a time, in a thread of its own. */
export interface Detector {
  /** @throws CoreError as `preprocess` */
  detect(image: RgbImage, preprocessing: Preprocessing): Promise<RgbImage>
  close(): Promise<void>
}

interface Threads {
  run(image: RgbImage, preprocessing: Preprocessing): Promise<RgbImage>
  close(): Promise<void>
}

/** The thread starts with the first picture, and again when it has ended. */
export function createDetector(): Detector {
  let threads: Promise<Threads> | null = null
  return {
    async detect(image, preprocessing) {
      threads ??= import("@lllite/runtime-node").then(({ startPreprocessing }) => startPreprocessing(1))
      const own = threads
      try {
        return await (await own).run(image, preprocessing)
      } catch (error) {
        const hasEnded = error instanceof LlliteError && ["worker-failed", "worker-ended"].includes(String(error.code))
        if (hasEnded && threads === own) threads = null
        throw error
      }
    },
    async close() {
      const own = threads
      threads = null
      await (await own)?.close()
    },
  }
}
