import type { JSX } from "preact"
import { useRef, useState } from "preact/hooks"

/** How far an arrow key moves the pen, as a part of the sheet. */
const KEY_STEP = 3 / 128

export type Point = readonly [x: number, y: number]

/** What a pen does on a canvas. Points are in pixels of the canvas. */
export interface PenWork {
  /** Pixels of a side. */
  readonly side: number
  /** Puts the pen down. Returns whether a line may follow. */
  readonly put: (at: Point) => boolean
  readonly line: (from: Point, to: Point) => void
  /** The pen is lifted, or what was put is whole. */
  readonly end: () => void
}

interface Pen {
  readonly at: Point
  readonly isDown: boolean
}

type Handlers = Pick<
  JSX.IntrinsicElements["canvas"],
  "onKeyDown" | "onBlur" | "onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerCancel"
>

/**
 * A pen that a pointer moves, or the arrow keys. Space or Enter puts it down and lifts it.
 *
 * @returns the place of the pen that keys move, or null; and what the canvas listens to
 */
export function usePen({ side, put, line, end }: PenWork): { readonly pen: Pen | null; readonly handlers: Handlers } {
  const from = useRef<Point | null>(null)
  const [pen, setPen] = useState<Pen | null>(null)
  const step = Math.max(1, Math.round(KEY_STEP * side))
  const clamp = (value: number): number => Math.min(side - 1, Math.max(0, value))
  const lift = (): void => {
    if (from.current === null) return
    from.current = null
    end()
  }
  const moveByKey = (event: KeyboardEvent): void => {
    const [x, y] = pen?.at ?? [side / 2, side / 2]
    const isDown = pen?.isDown ?? false
    const to = (
      {
        ArrowLeft: [x - step, y],
        ArrowRight: [x + step, y],
        ArrowUp: [x, y - step],
        ArrowDown: [x, y + step],
      } as const satisfies Readonly<Record<string, Point>>
    )[event.key as "ArrowLeft"] as Point | undefined
    if (to !== undefined) {
      const at: Point = [clamp(to[0]), clamp(to[1])]
      if (isDown) line([x, y], at)
      setPen({ at, isDown })
    } else if (event.key === " " || event.key === "Enter") {
      const isLine = !isDown && put([x, y])
      setPen({ at: [x, y], isDown: isLine })
      if (!isLine) end()
    } else return
    event.preventDefault()
  }
  return {
    pen,
    handlers: {
      onKeyDown: moveByKey,
      onBlur: () => setPen(null),
      onPointerDown: (event) => {
        if (!event.isPrimary || event.button !== 0) return
        const at = placeOf(event)
        if (put(at)) {
          event.currentTarget.setPointerCapture(event.pointerId)
          from.current = at
        } else end()
      },
      onPointerMove: (event) => {
        if (!event.isPrimary || from.current === null) return
        const at = placeOf(event)
        line(from.current, at)
        from.current = at
      },
      onPointerUp: lift,
      onPointerCancel: lift,
    },
  }
}

/** Draws a line on a canvas. One without length is a dot. */
export function drawLine(context: CanvasRenderingContext2D, start: Point, end: Point, width: number): void {
  Object.assign(context, { lineWidth: width, lineCap: "round" })
  context.beginPath()
  context.moveTo(...start)
  // Some browsers do not draw a line without length, so a dot gets a tiny one.
  context.lineTo(end[0] + 0.01, end[1])
  context.stroke()
}

/** Where the pen is that keys move. */
export function PenMark({
  pen,
  side,
  width,
}: {
  readonly pen: Pen | null
  readonly side: number
  readonly width: number
}): JSX.Element | null {
  if (pen === null) return null
  return (
    <svg class="pen" viewBox={`0 0 ${side} ${side}`} aria-hidden="true">
      <circle cx={pen.at[0]} cy={pen.at[1]} r={width / 2 + (2 * side) / 128} class={pen.isDown ? "down" : ""} />
    </svg>
  )
}

/** The position of a pointer, in pixels of the canvas. */
function placeOf(event: PointerEvent): Point {
  const canvas = event.currentTarget as HTMLCanvasElement
  const box = canvas.getBoundingClientRect()
  return [
    ((event.clientX - box.left) / box.width) * canvas.width,
    ((event.clientY - box.top) / box.height) * canvas.height,
  ]
}
