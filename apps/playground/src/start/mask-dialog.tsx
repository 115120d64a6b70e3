import type { RgbImage } from "@lllite/core/image"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { followChange } from "../draw/make-picture.ts"
import { drawLine, PenMark, type Point, usePen } from "../draw/pen.tsx"
import { messages } from "../language/language.ts"
import { SliderField } from "../page/fields.tsx"
import { Icon } from "../page/icons.tsx"
import { Segments } from "../page/segments.tsx"
import { pixelsOf } from "../pictures/canvas-image.ts"
import { Picture } from "../pictures/picture.tsx"
import { MASK_COLOUR } from "./mask-overlay.tsx"
import { emptyMask, invertedMask, maskedShare, maskOfPaint, paintOf } from "./mask-state.ts"
import { type StartUse, start } from "./start-state.ts"

/** Whether the dialogue is open. */
export const isMasking = signal(false)

const TOOLS = ["brush", "eraser"] as const
const tool = signal<(typeof TOOLS)[number]>("brush")
const TOOL_WORDS = { brush: "paint", eraser: "erase" } as const
/** The width of the brush at first, as a part of the picture. */
const FIRST_WIDTH = 0.12

/** The dialogue in which the part of the start picture is painted that changes. */
export function MaskDialog(): JSX.Element | null {
  const dialog = useRef<HTMLDialogElement>(null)
  const use = start.value
  const isOpen = isMasking.value && use !== null
  useEffect(() => {
    if (isOpen && dialog.current?.open === false) dialog.current.showModal()
  }, [isOpen])
  if (!isOpen || use === null) return null
  const words = messages.value.controls
  const close = (): void => {
    isMasking.value = false
    followChange()
  }
  return (
    <dialog ref={dialog} class="dialog mask-dialog" aria-labelledby="mask-title" onClose={close}>
      <div class="card-head">
        <h2 id="mask-title">{words.maskTitle}</h2>
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          {words.done}
        </button>
      </div>
      <Painter use={use} />
    </dialog>
  )
}

function Painter({ use }: { readonly use: StartUse }): JSX.Element {
  const { image } = use.picture
  const words = messages.value.controls
  const canvas = useRef<HTMLCanvasElement>(null)
  const [part, setPart] = useState(FIRST_WIDTH)
  const [past, setPast] = useState<readonly (RgbImage | null)[]>([])
  const { width, height } = image
  const { mask } = use
  const lineWidth = part * width

  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d", { willReadFrequently: true })
    context?.putImageData(paintOf(mask ?? emptyMask(width, height), MASK_COLOUR), 0, 0)
  }, [mask, width, height])

  const remember = (): void => setPast((before) => [...before.slice(-30), mask])
  const setMask = (next: RgbImage | null): void => {
    if (start.value !== null) start.value = { ...start.value, mask: next }
  }
  const line = (from: Point, to: Point): void => {
    const context = canvas.current?.getContext("2d")
    if (context == null) return
    context.globalCompositeOperation = tool.value === "eraser" ? "destination-out" : "source-over"
    context.strokeStyle = `rgb(${MASK_COLOUR.join(" ")})`
    drawLine(context, from, to, lineWidth)
  }
  const { pen, handlers } = usePen({
    side: width,
    put: (at) => {
      remember()
      line(at, at)
      return true
    },
    line,
    end: () => {
      if (canvas.current === null) return
      const painted = maskOfPaint(width, height, pixelsOf(canvas.current))
      setMask(maskedShare(painted) === 0 ? null : painted)
    },
  })
  const share = mask === null ? null : Math.round(100 * maskedShare(mask))
  return (
    <>
      <p class="note">{share === null ? words.maskEmpty : words.maskShare(share)}</p>
      <div class="mask-board sheet">
        <Picture image={image} label={words.startPicture} />
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys paint here, so screen readers must pass them on */}
        <canvas
          ref={canvas}
          class="mask-canvas"
          {...{ width, height }}
          tabIndex={0}
          role="application"
          aria-label={words.maskSheet}
          {...handlers}
        />
        <PenMark {...{ pen, side: width }} width={lineWidth} />
      </div>
      <div class="mask-tools">
        <Segments label={words.maskTool} values={TOOLS} textOf={(name) => words[TOOL_WORDS[name]]} of={tool} />
        <SliderField label={words.brushWidth} value={part} min={0.02} max={0.4} step={0.01} onValue={setPart} />
        <button
          type="button"
          class="tool"
          aria-label={words.takeBack}
          title={words.takeBack}
          disabled={past.length === 0}
          onClick={() => {
            setMask(past.at(-1) ?? null)
            setPast(past.slice(0, -1))
          }}
        >
          <Icon name="undo" />
        </button>
        <button
          type="button"
          onClick={() => {
            remember()
            setMask(invertedMask(mask ?? emptyMask(width, height)))
          }}
        >
          {words.invert}
        </button>
        <button
          type="button"
          disabled={mask === null}
          onClick={() => {
            remember()
            setMask(null)
          }}
        >
          {words.clearMask}
        </button>
      </div>
    </>
  )
}
