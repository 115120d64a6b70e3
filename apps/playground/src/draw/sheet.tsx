import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { controlPictures, controls } from "../controls/control-state.ts"
import { messages } from "../language/language.ts"
import { Segments } from "../page/segments.tsx"
import { readCanvas, SIZE } from "../pictures/canvas-image.ts"
import { paint } from "../pictures/picture.tsx"
import { EdgeOverlay } from "./edge-overlay.tsx"
import { followChange } from "./make-picture.ts"
import { drawLine, PenMark, type Point, usePen } from "./pen.tsx"
import { drawing, rememberDrawing } from "./sheet-state.ts"
import { SheetTools } from "./sheet-tools.tsx"
import { INK, STAMPS, stamped } from "./stamps.ts"
import { SHEET_VIEWS, type SheetView, sheetView, tool, width } from "./tool-state.ts"

/** The eraser is so many times as wide as the pen. */
const ERASER = 3

/** On a sheet of more pixels, what follows the drawing is made when the pen is lifted. */
const MOST_AT_ONCE = 256

/** The board for drawing with a pointer, or with the arrow keys and space. What the model sees of it lies over it. */
export function SheetBoard({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): JSX.Element {
  const words = messages.value.draw
  return (
    <>
      <div class="board-head">
        <h2>{words.yourDrawing}</h2>
        <Segments label={words.sheetViews} values={SHEET_VIEWS} textOf={viewText} of={sheetView} />
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
  const words = messages.value.draw
  if (view === "ink") return words.ink
  const isEdges = shownControl()?.isEdges !== false
  if (view === "both") return isEdges ? words.inkAndEdges : words.inkAndControl
  return isEdges ? words.edges : words.control
}

function Sheet(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  const stamp = STAMPS.find((name) => name === tool.value)
  const isErasing = tool.value === "eraser"
  const shown = shownControl()
  const side = drawing.value.width
  const lineWidth = (width.value * (isErasing ? ERASER : 1) * side) / SIZE

  useLayoutEffect(() => {
    if (canvas.current === null) return
    // The canvas is read after every stroke. Only the first call of getContext sets this option.
    canvas.current.getContext("2d", { willReadFrequently: true })
    paint(canvas.current, drawing.value)
  }, [drawing.value])

  const take = (): void => {
    if (canvas.current !== null) drawing.value = readCanvas(canvas.current)
  }
  const line = (start: Point, end: Point): void => {
    const context = canvas.current?.getContext("2d")
    if (context == null) return
    context.strokeStyle = isErasing ? "white" : `rgb(${INK} ${INK} ${INK})`
    drawLine(context, start, end, lineWidth)
    if (side <= MOST_AT_ONCE) take()
  }
  const { pen, handlers } = usePen({
    side,
    put: (at) => {
      rememberDrawing()
      if (stamp === undefined) line(at, at)
      else drawing.value = stamped(drawing.value, stamp, ...at)
      return stamp === undefined
    },
    line,
    end: () => {
      if (stamp === undefined && side > MOST_AT_ONCE) take()
      followChange()
    },
  })

  return (
    <div class={`sheet view-${sheetView.value}`}>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys draw here, so screen readers must pass them on */}
      <canvas
        ref={canvas}
        class="picture"
        width={side}
        height={side}
        tabIndex={0}
        role="application"
        aria-label={messages.value.draw.sheet}
        {...handlers}
      />
      {sheetView.value !== "ink" && shown !== null && (
        <EdgeOverlay control={shown.picture} isWhole={sheetView.value === "control"} />
      )}
      <PenMark {...{ pen, side }} width={lineWidth} />
    </div>
  )
}
