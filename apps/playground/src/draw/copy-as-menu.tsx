import { writePng } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { useRef } from "preact/hooks"
import { messageOf } from "../page/message.ts"
import { say } from "../page/status-line.tsx"
import { codeOf, commandOf, linkOf } from "../recipes/copy-as.ts"
import type { Result } from "./result.ts"

const FORMS = [
  { name: "Command", hint: "for lllite, the command", textOf: ({ recipe }: Result) => commandOf(recipe) },
  { name: "Code", hint: "for Node, with @lllite/runtime-node", textOf: ({ recipe }: Result) => codeOf(recipe) },
  {
    name: "Link",
    hint: "to this page, with the settings alone",
    textOf: ({ recipe }: Result) => linkOf(recipe, location.href),
  },
] as const

/** Copies how a picture is made, in one of several forms. */
export function CopyAs({ made }: { readonly made: Result | null }): JSX.Element {
  const menu = useRef<HTMLDivElement>(null)
  return (
    <>
      <button type="button" disabled={made === null} popoverTarget="copy-as">
        Copy as
      </button>
      <div id="copy-as" ref={menu} popover="auto" class="menu">
        {FORMS.map(({ name, hint, textOf }) => (
          <button
            key={name}
            type="button"
            onClick={() => {
              menu.current?.hidePopover()
              if (made === null) return
              copy(name, textOf(made))
            }}
          >
            <strong>{name}</strong> <small>{hint}</small>
          </button>
        ))}
        <button
          type="button"
          onClick={() => {
            menu.current?.hidePopover()
            if (made !== null) void writePng("drawing.png", made.drawing)
          }}
        >
          <strong>Drawing</strong> <small>as drawing.png, for the command and the code</small>
        </button>
      </div>
    </>
  )
}

function copy(name: string, text: string): void {
  // Browsers give the clipboard to safe pages alone.
  const { clipboard } = navigator
  if (clipboard === undefined) {
    say("This browser gives the clipboard to pages of https:// alone.")
    return
  }
  clipboard.writeText(text).then(
    () => say(`${name} copied.`),
    (error: unknown) => say(`${name} was not copied: ${messageOf(error)}`),
  )
}
