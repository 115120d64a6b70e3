import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { Icon, type IconName } from "../page/icons.tsx"
import { blank } from "../pictures/canvas-image.ts"
import { FileButton } from "../pictures/file-drop.tsx"
import { followChange } from "./make-picture.ts"
import { canRedo, canUndo, drawing, redo, replaceDrawing, undo } from "./sheet-state.ts"
import { WIDTHS } from "./stamps.ts"
import { TOOLS, tool, width } from "./tool-state.ts"

/** The tools of the sheet: pen, eraser and shapes, the width, and what takes changes back. */
export function SheetTools({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): JSX.Element {
  const words = messages.value.draw
  const change = (work: () => void): void => {
    work()
    followChange()
  }
  return (
    <div class="tools">
      <fieldset class="tool-choice">
        <legend class="visually-hidden">{words.tool}</legend>
        {TOOLS.map((name) => (
          <label key={name} class="tool" title={labelOf(name)}>
            <input
              type="radio"
              name="tool"
              class="visually-hidden"
              checked={tool.value === name}
              onChange={() => {
                tool.value = name
              }}
            />
            <Icon name={name} />
            <span class="visually-hidden">{labelOf(name)}</span>
          </label>
        ))}
      </fieldset>
      <button
        type="button"
        class="tool width"
        aria-label={words.penWidthOf(width.value)}
        title={words.penWidth}
        onClick={() => {
          width.value = WIDTHS[(WIDTHS.indexOf(width.value) + 1) % WIDTHS.length] ?? width.value
        }}
      >
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <circle class="dot" cx="12" cy="12" r={2 + width.value / 2} />
        </svg>
      </button>
      <span class="tool-gap" />
      <ToolButton icon="undo" label={words.undo} disabled={!canUndo.value} onClick={() => change(undo)} />
      <ToolButton icon="redo" label={words.redo} disabled={!canRedo.value} onClick={() => change(redo)} />
      <ToolButton
        icon="clear"
        label={words.clear}
        onClick={() => change(() => replaceDrawing(blank(drawing.value.width)))}
      />
      <FileButton label={words.openPicture} icon="open" accept="image/*" onFiles={onFiles} />
    </div>
  )
}

interface ToolButtonProps {
  readonly icon: IconName
  readonly label: string
  readonly disabled?: boolean
  readonly onClick: () => void
}

function ToolButton({ icon, label, disabled, onClick }: ToolButtonProps): JSX.Element {
  return (
    <button type="button" class="tool" aria-label={label} title={label} disabled={disabled === true} onClick={onClick}>
      <Icon name={icon} />
    </button>
  )
}

function labelOf(name: (typeof TOOLS)[number]): string {
  const words = messages.value.draw
  return name === "pen" || name === "eraser" ? words[name] : words.shapeOf(words.shapes[name])
}
