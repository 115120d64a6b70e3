import type { JSX } from "preact"
import { Icon, type IconName } from "../page/icons.tsx"
import { blank } from "../pictures/canvas-image.ts"
import { FileButton } from "../pictures/file-drop.tsx"
import { followChange } from "./make-picture.ts"
import { canRedo, canUndo, drawing, redo, replaceDrawing, undo } from "./sheet-state.ts"
import { STAMPS, WIDTHS } from "./stamps.ts"
import { TOOLS, tool, width } from "./tool-state.ts"

/** The tools of the sheet: pen, eraser and shapes, the width, and what takes changes back. */
export function SheetTools({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): JSX.Element {
  const change = (work: () => void): void => {
    work()
    followChange()
  }
  return (
    <div class="tools">
      <fieldset class="tool-choice">
        <legend class="visually-hidden">Tool</legend>
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
        aria-label={`Width of the pen: ${width.value} pixels`}
        title="Width of the pen"
        onClick={() => {
          width.value = WIDTHS[(WIDTHS.indexOf(width.value) + 1) % WIDTHS.length] ?? width.value
        }}
      >
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <circle class="dot" cx="12" cy="12" r={2 + width.value / 2} />
        </svg>
      </button>
      <span class="tool-gap" />
      <ToolButton icon="undo" label="Undo" disabled={!canUndo.value} onClick={() => change(undo)} />
      <ToolButton icon="redo" label="Redo" disabled={!canRedo.value} onClick={() => change(redo)} />
      <ToolButton icon="clear" label="Clear" onClick={() => change(() => replaceDrawing(blank(drawing.value.width)))} />
      <FileButton label="Open a picture" icon="open" accept="image/*" onFiles={onFiles} />
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
  const isStamp = STAMPS.some((stamp) => stamp === name)
  return isStamp ? `Shape: ${name}` : `${name.charAt(0).toUpperCase()}${name.slice(1)}`
}
