import type { NodeRuntime } from "@lllite/runtime-node"

/** A watch of the memory that a runtime takes, from its start on. */
export interface MemoryWatch {
  /** Forgets the greatest value so far. */
  restart(): void
  /** The greatest number of bytes since the last restart. */
  peak(): Promise<number>
  stop(): void
}

/** Milliseconds between two looks. */
const INTERVAL = 50

/**
 * Watches the process beyond what it takes now, or the buffers of a card. Buffers are asked for after the work: a pool
 * keeps them.
 */
export function watchMemory(runtime: Pick<NodeRuntime, "device" | "memory">): MemoryWatch {
  const base = process.memoryUsage.rss()
  let most = 0
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss() - base)
  }
  const timer = setInterval(look, INTERVAL)
  return {
    restart() {
      most = 0
      look()
    },
    async peak() {
      if (runtime.device === "GPU") return (await runtime.memory()).allocated
      look()
      return most
    },
    stop: () => clearInterval(timer),
  }
}
