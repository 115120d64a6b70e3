import type { JSX } from "preact"
import { useRef } from "preact/hooks"
import { fitSquare } from "../pictures/fit-square.ts"
import { isMasking } from "../start/mask-dialog.tsx"
import { startFromShown } from "../start/start-card.tsx"
import { followChange } from "./make-picture.ts"
import type { Result } from "./result.ts"
import { drawing, replaceDrawing } from "./sheet-state.ts"

const USES = [
  {
    name: "Drawing",
    hint: "its edges are followed",
    use: ({ image }: Result) => replaceDrawing(fitSquare(image, drawing.value.width)),
  },
  { name: "Start", hint: "the next picture changes it", use: startFromShown },
  {
    name: "Start, with a mask",
    hint: "a painted part changes",
    use: () => {
      startFromShown()
      isMasking.value = true
    },
  },
] as const

/** Uses the shown picture for the next one. */
export function UseAs({ made }: { readonly made: Result | null }): JSX.Element {
  const menu = useRef<HTMLDivElement>(null)
  return (
    <>
      <button type="button" disabled={made === null} popoverTarget="use-as">
        Use as
      </button>
      <div id="use-as" ref={menu} popover="auto" class="menu">
        {USES.map(({ name, hint, use }) => (
          <button
            key={name}
            type="button"
            onClick={() => {
              menu.current?.hidePopover()
              if (made === null) return
              use(made)
              followChange()
            }}
          >
            <strong>{name}</strong> <small>{hint}</small>
          </button>
        ))}
      </div>
    </>
  )
}
