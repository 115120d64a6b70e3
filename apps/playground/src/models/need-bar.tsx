import type { MemoryNeed } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { memoryText } from "../page/bytes.ts"

interface NeedBarProps {
  readonly need: MemoryNeed
  /** Bytes that the device can hold. Null: the browser does not report it. */
  readonly roomBytes: number | null
}

/** The memory that a model needs beside the memory that there is. */
export function NeedBar({ need, roomBytes }: NeedBarProps): JSX.Element {
  const { side, weightBytes, generateBytes, trainBytes } = need
  const whole = Math.max(generateBytes, roomBytes ?? 0)
  const share = (bytes: number): string => `${((100 * bytes) / whole).toFixed(1)}%`
  const isOver = roomBytes !== null && generateBytes > roomBytes
  return (
    <div class="need" data-over={isOver}>
      <div
        class="need-bar"
        aria-hidden="true"
        style={{
          "--weights": share(weightBytes),
          "--generate": share(generateBytes),
          "--room": roomBytes === null ? "100%" : share(roomBytes),
        }}
      >
        <span class="need-generate" />
        <span class="need-weights" />
        {roomBytes !== null && <span class="need-room" />}
      </div>
      <p class="need-figures">
        <span>
          Needs <strong>{memoryText(generateBytes)}</strong>
        </span>
        <span>
          Has <strong>{roomBytes === null ? "what the browser does not say" : memoryText(roomBytes)}</strong>
        </span>
      </p>
      <p class="note">
        For pictures of {side} px. Weights take {memoryText(weightBytes)} of it. Training needs {memoryText(trainBytes)}
        .
      </p>
    </div>
  )
}
