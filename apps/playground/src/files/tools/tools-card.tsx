import type { FloatDtype } from "@lllite/format"
import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
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
const TOOL_TEXTS: Readonly<Record<Tool, string>> = {
  convert: "Convert",
  resize: "Resize",
  merge: "Merge",
  diff: "Compare",
}
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
  const shown = isLllite ? tool.value : "convert"
  return (
    <section class="card tools-card" aria-labelledby="tools-title">
      <h2 id="tools-title">Make another file of it</h2>
      {isLllite && <Segments label="Tool" values={TOOLS} textOf={(name) => TOOL_TEXTS[name]} of={tool} />}
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
  return (
    <>
      <p class="note">Its tensors get another dtype. Its metadata stays.</p>
      <div class="tool-row">
        <ChoiceField label="Dtype" value={dtype} names={DTYPES} onValue={setDtype} />
        <Run label="Convert and save" onRun={() => runEdit({ kind: "convert", file, dtype })} />
      </div>
    </>
  )
}

function Resize({ file, of }: { readonly file: File; readonly of: FileDescription }): JSX.Element {
  const [now] = of.lllite?.dims ?? []
  const [cond = 32, mlp = 64] = (now ?? "").split(" / ").map(Number)
  const [condDim, setCondDim] = useState(cond)
  const [mlpDim, setMlpDim] = useState(mlp)
  return (
    <>
      <p class="note">
        A wider LLLite computes the same. A narrower one keeps what predicts the rest best, and its error is measured.
      </p>
      <div class="tool-row">
        <NumberField label="Conditioning" value={condDim} range={WIDTHS} onValue={setCondDim} />
        <NumberField label="MLP" value={mlpDim} range={WIDTHS} onValue={setMlpDim} />
        <Run label="Resize and save" onRun={() => runEdit({ kind: "resize", file, condDim, mlpDim })} />
      </div>
    </>
  )
}

function Merge({ file }: { readonly file: File }): JSX.Element {
  const [other, setOther] = useState<File | null>(null)
  const [weight, setWeight] = useState(0.5)
  return (
    <>
      <p class="note">The average of two LLLites of one training. Of different trainings it has little effect.</p>
      <div class="tool-row">
        <Other file={other} onFile={setOther} />
        <SliderField label="Share of the second" value={weight} min={0} max={1} step={0.05} onValue={setWeight} />
        <Run
          label="Merge and save"
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
  return (
    <>
      <p class="note">How another LLLite differs, site by site.</p>
      <div class="tool-row">
        <Other file={other} onFile={setOther} />
        <Run
          label="Compare"
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
  return (
    <span class="other-file">
      <FileButton
        label={file === null ? "Open the second file" : "Another second file"}
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
      {isRunning ? "Stop" : label}
    </button>
  )
}

function Outcome(): JSX.Element | null {
  const { value: state } = editState
  if (state.phase === "idle") return null
  if (state.phase === "failed") return <Problem text={state.message} />
  if (state.phase === "running") {
    return <progress aria-label="Making the file" max={state.count} value={state.done} />
  }
  const { result } = state
  if (result.kind === "diff") return <DifferenceTable {...result} />
  return (
    <p role="status" class="outcome">
      {result.name} is saved, {bytesText(result.blob.size)}. {result.notices.join(" ")}
    </p>
  )
}
