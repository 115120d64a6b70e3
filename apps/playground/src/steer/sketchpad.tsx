import type { RgbImage } from "@lllite/core/image"
import { countedNotice } from "@lllite/core/names"
import { captionOf, drawScene, heldOutSeed, makeScene, palette } from "@lllite/tiny"
import type { JSX } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { messageOf } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { blank, readCanvas, SIZE } from "../pictures/canvas-image.ts"
import { FileButton, FileDrop } from "../pictures/file-drop.tsx"
import { paint } from "../pictures/picture.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import { changeRecipe, drawing } from "./steer-state.ts"

const INKS = Object.entries(palette).map(([name, [red, green, blue]]) => ({
  name,
  colour: `rgb(${red} ${green} ${blue})`,
}))
const ERASER = { name: "eraser", colour: "white" } as const
/** How many changes can be undone. */
const MOST_UNDO = 30
/** How far an arrow key moves the pen, in pixels of the picture. */
const KEY_STEP = 3

type Point = readonly [x: number, y: number]

/** A sheet for drawing with a pointer, or with the arrow keys and space. It also shows a picture from a file. */
export function Sketchpad(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  const from = useRef<Point | null>(null)
  const [past, setPast] = useState<readonly RgbImage[]>([])
  const [ink, setInk] = useState<string>(INKS[0]?.colour ?? "black")
  const [width, setWidth] = useState(8)
  const [pen, setPen] = useState<{ readonly at: Point; readonly isDown: boolean } | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [notices, setNotices] = useState<readonly string[]>([])

  useLayoutEffect(() => {
    if (canvas.current === null) return
    // The canvas is read after every stroke. Only the first call of getContext sets this option.
    canvas.current.getContext("2d", { willReadFrequently: true })
    paint(canvas.current, drawing.value)
  }, [drawing.value])

  const remember = (): void => {
    const before = drawing.value
    setPast((past) => [...past, before].slice(-MOST_UNDO))
  }
  const line = (start: Point, end: Point): void => {
    const context = canvas.current?.getContext("2d")
    if (context == null) return
    Object.assign(context, { strokeStyle: ink, lineWidth: width, lineCap: "round" })
    context.beginPath()
    context.moveTo(...start)
    // Some browsers do not draw a line without length, so a dot gets a tiny one.
    context.lineTo(end[0] + 0.01, end[1])
    context.stroke()
    if (canvas.current !== null) drawing.value = readCanvas(canvas.current)
  }
  const replace = (image: RgbImage): void => {
    remember()
    setProblem(null)
    setNotices([])
    drawing.value = image
  }
  const moveByKey = (event: KeyboardEvent): void => {
    const [x, y] = pen?.at ?? [SIZE / 2, SIZE / 2]
    const isDown = pen?.isDown ?? false
    const to = {
      ArrowLeft: [x - KEY_STEP, y],
      ArrowRight: [x + KEY_STEP, y],
      ArrowUp: [x, y - KEY_STEP],
      ArrowDown: [x, y + KEY_STEP],
    }[event.key] as Point | undefined
    if (to !== undefined) {
      const at: Point = [clamp(to[0]), clamp(to[1])]
      if (isDown) line([x, y], at)
      setPen({ at, isDown })
    } else if (event.key === " " || event.key === "Enter") {
      if (!isDown) {
        remember()
        line([x, y], [x, y])
      }
      setPen({ at: [x, y], isDown: !isDown })
    } else return
    event.preventDefault()
  }
  const example = (): void => {
    const scene = makeScene(heldOutSeed, Math.floor(Math.random() * 10_000))
    replace(drawScene(scene, SIZE))
    changeRecipe({ prompt: captionOf(scene) })
  }

  const open = ([file, ...others]: readonly File[]): void => {
    if (file === undefined) return
    readPicture(file, SIZE).then(
      ({ image, changes }) => {
        replace(image)
        setNotices([
          ...changeNotices([{ name: file.name, changes }]),
          ...countedNotice(
            others.map(({ name }) => name),
            "files",
            (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not used: the sheet takes one picture.`,
          ),
        ])
      },
      (error: unknown) => setProblem(messageOf(error)),
    )
  }

  return (
    <FileDrop class="sketchpad" onFiles={open}>
      <div class="sheet">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys draw here, so screen readers must pass them on */}
        <canvas
          ref={canvas}
          class="picture"
          width={SIZE}
          height={SIZE}
          tabIndex={0}
          role="application"
          aria-label="Sheet for drawing. Arrow keys move the pen. Space puts the pen down and lifts it."
          onKeyDown={moveByKey}
          onBlur={() => setPen(null)}
          onPointerDown={(event) => {
            if (!event.isPrimary || event.button !== 0) return
            event.currentTarget.setPointerCapture(event.pointerId)
            remember()
            const at = placeOf(event)
            from.current = at
            line(at, at)
          }}
          onPointerMove={(event) => {
            if (!event.isPrimary || from.current === null) return
            const at = placeOf(event)
            line(from.current, at)
            from.current = at
          }}
          onPointerUp={() => {
            from.current = null
          }}
          onPointerCancel={() => {
            from.current = null
          }}
        />
        {pen !== null && (
          <svg class="pen" viewBox={`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
            <circle cx={pen.at[0]} cy={pen.at[1]} r={width / 2 + 2} class={pen.isDown ? "down" : ""} />
          </svg>
        )}
      </div>
      <fieldset class="inks">
        <legend>Ink</legend>
        {[...INKS, ERASER].map(({ name, colour }) => (
          <label key={name} class="ink">
            <input type="radio" name="ink" checked={ink === colour} onChange={() => setInk(colour)} />
            <svg viewBox="0 0 20 20" aria-hidden="true">
              <circle class="ink-dot" cx="10" cy="10" r="8" fill={colour} />
            </svg>
            <span>{name}</span>
          </label>
        ))}
        <label class="brush">
          Width
          <input
            type="range"
            min="2"
            max="40"
            value={width}
            onInput={(event) => setWidth(Number(event.currentTarget.value))}
          />
        </label>
      </fieldset>
      <div class="row">
        <button type="button" onClick={example}>
          Example
        </button>
        <button
          type="button"
          disabled={past.length === 0}
          onClick={() => {
            const before = past.at(-1)
            if (before === undefined) return
            setPast(past.slice(0, -1))
            drawing.value = before
          }}
        >
          Undo
        </button>
        <button type="button" onClick={() => replace(blank(SIZE))}>
          Clear
        </button>
        <FileButton label="Open a picture" accept="image/*" onFiles={open} />
      </div>
      <Problem text={problem} />
      {notices.map((notice) => (
        <p class="note" role="status" key={notice}>
          {notice}
        </p>
      ))}
    </FileDrop>
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
