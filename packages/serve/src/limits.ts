/** What the server takes at most. */
export interface Limits {
  /** Jobs that wait. Default: 500 */
  readonly queue: number
  /** Pictures of a job. Default: 16 */
  readonly pictures: number
  /** Steps of a picture, those of hires fix included. Default: 200 */
  readonly steps: number
  /** Pixels of a picture. Default: 2048 × 2048 */
  readonly pixels: number
  /** Bytes of a request's body. Default: 64 MiB */
  readonly bodyBytes: number
  /** Seconds until a request has to be received. Default: 60 */
  readonly requestSeconds: number
  /** Seconds that a job may run. A training, a data set and its caches have no limit. Default: 3600 */
  readonly jobSeconds: number
  /** Seconds that a running job has to end when the server stops. Then it waits for the next start. Default: 10 */
  readonly stopSeconds: number
  /** Ended jobs that are kept, with their files. Default: 1000 */
  readonly keptJobs: number
  /** Seconds that an upload is kept which no kept job uses. Default: 7 days */
  readonly uploadSeconds: number
  /** Bytes of uploads and results. Default: 50 GB */
  readonly storageBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  queue: 500,
  pictures: 16,
  steps: 200,
  pixels: 2048 * 2048,
  bodyBytes: 64 * 2 ** 20,
  requestSeconds: 60,
  jobSeconds: 3600,
  stopSeconds: 10,
  keptJobs: 1000,
  uploadSeconds: 7 * 86_400,
  storageBytes: 50e9,
}

/** How often a job is begun before it is given up: its worker or the server may have ended because of it. */
export const MOST_ATTEMPTS = 3
