/** Calls of WebGPU. */
export interface CallCounts {
  readonly dispatches: number
  readonly passes: number
  readonly submits: number
  readonly bindGroups: number
  readonly pipelines: number
  readonly writes: number
  readonly reads: number
  readonly buffers: number
  readonly bufferBytes: number
}

export function countCalls(): () => CallCounts
