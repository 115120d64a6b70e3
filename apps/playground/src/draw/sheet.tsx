import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { controlPictures, controls } from "../controls/control-state.ts"
import { Segments } from "../page/segments.tsx"
import { readCanvas, SIZE } from "../pictures/canvas-image.ts"
import { paint } from "../pictures/picture.tsx"
import { EdgeOverlay } from "./edge-overlay.tsx"
import { followChange } from "./make-picture.ts"
import { drawing, rememberDrawing } from "./sheet-state.ts"
import { SheetTools } from "./sheet-tools.tsx"
import { INK, STAMPS, stamped } from "./stamps.ts"
import { SHEET_VIEWS, type SheetView, sheetView, tool, width } from "./tool-state.ts"

/** How far an arrow key moves the pen, in pixels of the picture. */
const KEY_STEP = 3
/** The eraser is so many times as wide as the pen. */
const ERASER = 3

type Point = readonly [x: number, y: number]

interface Pen {
  readonly at: Point
  readonly isDown: boolean
}

/** The board for drawing with a pointer, or with the arrow keys and space. What the model sees of it lies over it. */
export function SheetBoard({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): JSX.Element {
  return (
    <>
      <div class="board-head">
        <h2>Your drawing</h2>
        <Segments label="What the sheet shows" values={SHEET_VIEWS} textOf={viewText} of={sheetView} />
      </div>
      <div class="board-square">
        <Sheet />
      </div>
      <SheetTools onFiles={onFiles} />
    </>
  )
}

/** The control that lies over the sheet: the first that follows the drawing. */
function shownControl(): { readonly picture: RgbImage; readonly isEdges: boolean } | null {
  const control = controls.value.find(({ picture }) => picture === null)
  const picture = control === undefined ? undefined : controlPictures.value.get(control.id)
  return control === undefined || picture === undefined ? null : { picture, isEdges: control.kind === "canny" }
}

function viewText(view: SheetView): string {
  const what = shownControl()?.isEdges === false ? "control" : "edges"
  return { ink: "Ink", both: `Ink + ${what}`, control: what === "edges" ? "Edges" : "Control" }[view]
}

function Sheet(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  const from = useRef<Point | null>(null)
  const [pen, setPen] = useState<Pen | null>(null)
  const stamp = STAMPS.find((name) => name === tool.value)
  const isErasing = tool.value === "eraser"
  const lineWidth = width.value * (isErasing ? ERASER : 1)
  const shown = shownControl()

  useLayoutEffect(() => {
    if (canvas.current === null) return
    // The canvas is read after every stroke. Only the first call of getContext sets this option.
    canvas.current.getContext("2d", { willReadFrequently: true })
    paint(canvas.current, drawing.value)
  }, [drawing.value])

  const line = (start: Point, end: Point): void => {
    const context = canvas.current?.getContext("2d")
    if (context == null) return
    const strokeStyle = isErasing ? "white" : `rgb(${INK} ${INK} ${INK})`
    Object.assign(context, { strokeStyle, lineWidth, lineCap: "round" })
    context.beginPath()
    context.moveTo(...start)
    // Some browsers do not draw a line without length, so a dot gets a tiny one.
    context.lineTo(end[0] + 0.01, end[1])
    context.stroke()
    if (canvas.current !== null) drawing.value = readCanvas(canvas.current)
  }
  /** Puts the pen down, or a shape. Returns whether a line may follow. */
  const put = (at: Point): boolean => {
    rememberDrawing()
    if (stamp === undefined) line(at, at)
    else drawing.value = stamped(drawing.value, stamp, ...at)
    return stamp === undefined
  }
  const end = (): void => {
    from.current = null
    followChange()
  }
  const moveByKey = (event: KeyboardEvent): void => {
    const [x, y] = pen?.at ?? [SIZE / 2, SIZE / 2]
    const isDown = pen?.isDown ?? false
    const to = (
      {
        ArrowLeft: [x - KEY_STEP, y],
        ArrowRight: [x + KEY_STEP, y],
        ArrowUp: [x, y - KEY_STEP],
        ArrowDown: [x, y + KEY_STEP],
      } as const satisfies Readonly<Record<string, Point>>
    )[event.key as "ArrowLeft"] as Point | undefined
    if (to !== undefined) {
      const at: Point = [clamp(to[0]), clamp(to[1])]
      if (isDown) line([x, y], at)
      setPen({ at, isDown })
    } else if (event.key === " " || event.key === "Enter") {
      const isLine = !isDown && put([x, y])
      setPen({ at: [x, y], isDown: isLine })
      if (!isLine) followChange()
    } else return
    event.preventDefault()
  }

  return (
    <div class={`sheet view-${sheetView.value}`}>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys draw here, so screen readers must pass them on */}
      <canvas
        ref={canvas}
        class="picture"
        width={SIZE}
        height={SIZE}
        tabIndex={0}
        role="application"
        aria-label="Sheet for drawing. Arrow keys move the pen. Space puts the pen down and lifts it, or places a shape."
        onKeyDown={moveByKey}
        onBlur={() => setPen(null)}
        onPointerDown={(event) => {
          if (!event.isPrimary || event.button !== 0) return
          const at = placeOf(event)
          if (put(at)) {
            event.currentTarget.setPointerCapture(event.pointerId)
            from.current = at
          } else followChange()
        }}
        onPointerMove={(event) => {
          if (!event.isPrimary || from.current === null) return
          const at = placeOf(event)
          line(from.current, at)
          from.current = at
        }}
        onPointerUp={() => {
          if (from.current !== null) end()
        }}
        onPointerCancel={() => {
          if (from.current !== null) end()
        }}
      />
      {sheetView.value !== "ink" && shown !== null && (
        <EdgeOverlay control={shown.picture} isWhole={sheetView.value === "control"} />
      )}
      {pen !== null && (
        <svg class="pen" viewBox={`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
          <circle cx={pen.at[0]} cy={pen.at[1]} r={lineWidth / 2 + 2} class={pen.isDown ? "down" : ""} />
        </svg>
      )}
    </div>
  )
}

/** The position of a pointer, in pixels of the picture. */
function placeOf(event: PointerEvent): Point {
  const canvas = event.currentTarget as HTMLCanvasElement
  const box = canvas.getBoundingClientRect()
  return [
    ((event.clientX - box.left) / box.width) * canvas.width,
    ((event.clientY - box.top) / box.height) * canvas.height,
  ]
}

function clamp(value: number): number {
  return Math.min(SIZE - 1, Math.max(0, value))
}
