import { writePng } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { ChoiceMenu } from "../page/choice-menu.tsx"
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
  const choices = made && [
    ...FORMS.map(({ name, hint, textOf }) => ({ name, hint, choose: () => copy(name, textOf(made)) })),
    {
      name: "Drawing",
      hint: "as drawing.png, for the command and the code",
      choose: () => void writePng("drawing.png", made.drawing),
    },
  ]
  return <ChoiceMenu id="copy-as" label="Copy as" choices={choices} />
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
