import type { FloatDtype } from "@lllite/format"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { messages } from "../../language/language.ts"
import { Said } from "../../language/said.tsx"
import { sentence } from "../../language/sentence.ts"
import { bytesText } from "../../page/bytes.ts"
import { ChoiceField, NumberField, SliderField } from "../../page/fields.tsx"
import { Problem } from "../../page/problem.tsx"
import { Segments } from "../../page/segments.tsx"
import { FileButton } from "../../pictures/file-drop.tsx"
import type { FileDescription } from "../describe-file.ts"
import { opened } from "../file-state.ts"
import { DifferenceTable } from "./difference-table.tsx"
import { editState, runEdit, stopEdit } from "./edit-state.ts"

const TOOLS = ["convert", "resize", "merge", "diff"] as const
type Tool = (typeof TOOLS)[number]
const TOOL_WORDS = {
  convert: "convert",
  resize: "resize",
  merge: "merge",
  diff: "compare",
} as const satisfies Readonly<Record<Tool, string>>
const tool = signal<Tool>("convert")
const DTYPES = ["F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F64"] as const satisfies readonly FloatDtype[]
/** Widths of an LLLite that are taken. */
const WIDTHS = { min: 1, max: 4096, integer: true } as const

/** What can be done with the file that is shown: it is converted, and an LLLite is resized, merged and compared, too. */
export function ToolsCard({ of }: { readonly of: FileDescription }): JSX.Element | null {
  const file = opened.value
  // What was made of another file is not shown here.
  useEffect(() => stopEdit, [file])
  if (file === null) return null
  const isLllite = of.lllite !== null
  const words = messages.value.files
  const shown = isLllite ? tool.value : "convert"
  return (
    <section class="card tools-card" aria-labelledby="tools-title">
      <h2 id="tools-title">{words.tools}</h2>
      {isLllite && <Segments label={words.tool} values={TOOLS} textOf={(name) => words[TOOL_WORDS[name]]} of={tool} />}
      {shown === "convert" && <Convert file={file} />}
      {shown === "resize" && <Resize file={file} of={of} />}
      {shown === "merge" && <Merge file={file} />}
      {shown === "diff" && <Compare file={file} />}
      <Outcome />
    </section>
  )
}

function Convert({ file }: { readonly file: File }): JSX.Element {
  const [dtype, setDtype] = useState<FloatDtype>("F16")
  const words = messages.value.files
  return (
    <>
      <p class="note">{words.convertNote}</p>
      <div class="tool-row">
        <ChoiceField label={words.dtype} value={dtype} names={DTYPES} onValue={setDtype} />
        <Run label={words.convertRun} onRun={() => runEdit({ kind: "convert", file, dtype })} />
      </div>
    </>
  )
}

function Resize({ file, of }: { readonly file: File; readonly of: FileDescription }): JSX.Element {
  const [now] = of.lllite?.dims ?? []
  const [cond = 32, mlp = 64] = (now ?? "").split(" / ").map(Number)
  const [condDim, setCondDim] = useState(cond)
  const [mlpDim, setMlpDim] = useState(mlp)
  const words = messages.value.files
  return (
    <>
      <p class="note">{words.resizeNote}</p>
      <div class="tool-row">
        <NumberField label={words.conditioning} value={condDim} range={WIDTHS} onValue={setCondDim} />
        <NumberField label={words.mlp} value={mlpDim} range={WIDTHS} onValue={setMlpDim} />
        <Run label={words.resizeRun} onRun={() => runEdit({ kind: "resize", file, condDim, mlpDim })} />
      </div>
    </>
  )
}

function Merge({ file }: { readonly file: File }): JSX.Element {
  const [other, setOther] = useState<File | null>(null)
  const [weight, setWeight] = useState(0.5)
  const words = messages.value.files
  return (
    <>
      <p class="note">{words.mergeNote}</p>
      <div class="tool-row">
        <Other file={other} onFile={setOther} />
        <SliderField label={words.share} value={weight} min={0} max={1} step={0.05} onValue={setWeight} />
        <Run
          label={words.mergeRun}
          isReady={other !== null}
          onRun={() => {
            if (other === null) return
            runEdit({ kind: "merge", files: [file, other], weights: [Number((1 - weight).toFixed(2)), weight] })
          }}
        />
      </div>
    </>
  )
}

function Compare({ file }: { readonly file: File }): JSX.Element {
  const [other, setOther] = useState<File | null>(null)
  const words = messages.value.files
  return (
    <>
      <p class="note">{words.compareNote}</p>
      <div class="tool-row">
        <Other file={other} onFile={setOther} />
        <Run
          label={words.compare}
          isReady={other !== null}
          onRun={() => {
            if (other !== null) runEdit({ kind: "diff", files: [file, other] })
          }}
        />
      </div>
    </>
  )
}

/** The second file. */
function Other({ file, onFile }: { readonly file: File | null; readonly onFile: (file: File) => void }): JSX.Element {
  const words = messages.value.files
  return (
    <span class="other-file">
      <FileButton
        label={file === null ? words.openSecond : words.anotherSecond}
        accept=".safetensors"
        onFiles={([found]) => {
          if (found !== undefined) onFile(found)
        }}
      />
      {file !== null && <span class="note">{file.name}</span>}
    </span>
  )
}

interface RunProps {
  readonly label: string
  /** Default: yes. */
  readonly isReady?: boolean
  readonly onRun: () => void
}

/** The button that runs a tool. While it runs, the same button stops it. */
function Run({ label, isReady = true, onRun }: RunProps): JSX.Element {
  const isRunning = editState.value.phase === "running"
  return (
    <button type="button" class="primary" disabled={!isReady && !isRunning} onClick={isRunning ? stopEdit : onRun}>
      {isRunning ? messages.value.page.stop : label}
    </button>
  )
}

function Outcome(): JSX.Element | null {
  const { value: state } = editState
  if (state.phase === "idle") return null
  if (state.phase === "failed") return <Problem of={state.problem} />
  if (state.phase === "running") {
    return <progress aria-label={messages.value.files.making} max={state.count} value={state.done} />
  }
  const { result } = state
  if (result.kind === "diff") return <DifferenceTable {...result} />
  return (
    <p role="status" class="outcome">
      <Said of={[sentence("files", "saved", result.name, bytesText(result.blob.size)), ...result.notices]} />
    </p>
  )
}
