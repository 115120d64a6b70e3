import type { MemoryNeed } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { memoryText } from "../page/bytes.ts"

interface NeedBarProps {
  readonly need: MemoryNeed
  /** Bytes that the device can hold. Null: the browser does not report it. */
  readonly roomBytes: number | null
}

/** The memory that a model needs beside the memory that there is. */
export function NeedBar({ need, roomBytes }: NeedBarProps): JSX.Element {
  const { side, weightBytes, generateBytes, trainBytes } = need
  const words = messages.value.models
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
          {words.needs} <strong>{memoryText(generateBytes)}</strong>
        </span>
        <span>
          {words.has} <strong>{roomBytes === null ? words.roomUnknown : memoryText(roomBytes)}</strong>
        </span>
      </p>
      <p class="note">{words.needNote(side, memoryText(weightBytes), memoryText(trainBytes))}</p>
    </div>
  )
}
