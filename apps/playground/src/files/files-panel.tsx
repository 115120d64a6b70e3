import type { CheckpointTraits } from "@lllite/format/identify"
import type { ComponentChildren, JSX } from "preact"
import { useState } from "preact/hooks"
import { show } from "../page/app-state.ts"
import { messageOf } from "../page/message.ts"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { say } from "../page/status-line.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import type { FileDescription, LlliteDescription } from "./describe-file.ts"
import { type FileUse, fileState, openEmbedded, openFile, useOf, useOpened } from "./file-state.ts"
import { ToolsCard } from "./tools/tools-card.tsx"

/** The largest number of characters of a metadata value that are shown. */
const MOST_TEXT = 4000
/** The largest number of metadata entries that are shown. */
const MOST_ENTRIES = 200

/** Opens a file and shows what it is. Texts from the file are put into the page as text nodes only. */
export function FilesPanel(): JSX.Element {
  const state = fileState.value
  const open = ([file]: readonly File[]): void => {
    if (file !== undefined) void openFile(file)
  }
  return (
    <div class="files">
      <div class="card">
        <h2>A file</h2>
        <p class="note">
          Open a safetensors file of any size, or drop it here: an LLLite, a LoRA or a checkpoint. It is read in this
          tab and never leaves it.
        </p>
        <div class="row">
          <FileButton label="Open a safetensors file" accept=".safetensors" onFiles={open} />
          <button type="button" onClick={() => void openEmbedded()}>
            Look at the built-in LLLite
          </button>
        </div>
        {state.kind === "reading" && (
          <p class="reading" role="status">
            Reading {state.name} …
          </p>
        )}
        {state.kind === "problem" && <Problem text={state.message} />}
      </div>
      {state.kind === "description" && <Description of={state.description} />}
    </div>
  )
}

function Description({ of }: { readonly of: FileDescription }): JSX.Element {
  const { name, bytes, identity, tensorCount, parameters, dtypes, metadata, tensors, lllite, traits } = of
  const entries = [...metadata]
  return (
    <>
      <div class="card">
        <h2 class="file-name">{name}</h2>
        <p class="identity">This is {identity.detail}.</p>
        <table>
          <tbody>
            <Row name="Size">{bytes.toLocaleString("en")} bytes</Row>
            <Row name="Parameters">
              {parameters.toLocaleString("en")} in {tensorCount.toLocaleString("en")} tensors
            </Row>
            <Row name="Dtypes">{[...dtypes].map(([dtype, count]) => `${dtype} × ${count}`).join(", ") || "none"}</Row>
            {lllite !== null && <LlliteRows of={lllite} />}
            {traits !== null && <TraitRows of={traits} />}
          </tbody>
        </table>
        <UseIt of={of} />
      </div>
      {lllite !== null && <Health of={lllite} />}
      <ToolsCard of={of} />
      <div class="card">
        <h2>Metadata</h2>
        {entries.length === 0 && <p class="note">None.</p>}
        <dl class="metadata">
          {entries.slice(0, MOST_ENTRIES).map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>
                {value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)} … (${value.length} characters)` : value}
              </dd>
            </div>
          ))}
        </dl>
        {entries.length > MOST_ENTRIES && <p class="note">{entries.length - MOST_ENTRIES} more are not shown.</p>}
      </div>
      <div class="card">
        <h2>Tensors</h2>
        <details>
          <summary>
            {tensors.length === tensorCount ? "All" : `The first ${tensors.length} of`}{" "}
            {tensorCount.toLocaleString("en")}
          </summary>
          <ul class="tensors">
            {tensors.map(({ name, dtype, shape }) => (
              <li key={name}>
                <code>{name}</code> {dtype} [{shape.join(", ")}]
              </li>
            ))}
          </ul>
        </details>
      </div>
    </>
  )
}

function TraitRows({ of }: { readonly of: CheckpointTraits }): JSX.Element {
  const { prediction, saidBy, zeroTerminalSnr, scaledWeights, refusals, notices } = of
  const quantity = prediction === "v" ? "velocity (v-prediction)" : "noise (epsilon)"
  return (
    <>
      <Row name="Predicts">
        {quantity}
        {zeroTerminalSnr ? ", with zero terminal SNR" : ""}
        {saidBy === null ? ", as most do. The file does not say it" : `, by ${saidBy}`}
      </Row>
      {scaledWeights > 0 && <Row name="Scales">of {scaledWeights} weights, which are applied</Row>}
      {refusals.map((text) => (
        <Row key={text} name="Not run">
          {text}
        </Row>
      ))}
      {notices.map((text) => (
        <Row key={text} name="Note">
          {text}
        </Row>
      ))}
    </>
  )
}

function LlliteRows({ of }: { readonly of: LlliteDescription }): JSX.Element {
  const { sites, dims, selection, isForSdxl, title, preprocessor, extraTensors, extraTensorCount } = of
  return (
    <>
      {title !== null && <Row name="Title">{title}</Row>}
      {extraTensorCount > 0 && (
        <Row name="Not read">
          {extraTensorCount} tensors that belong to no site. The first is {extraTensors[0]}
        </Row>
      )}
      {preprocessor !== null && <Row name="Control">{preprocessor}</Row>}
      <Row name="U-Net">{isForSdxl ? "of SDXL" : "smaller than SDXL's, like the one of the tiny SDXL"}</Row>
      <Row name="Sites">
        {sites}
        {selection === null ? "" : `, selection “${selection}”`}
      </Row>
      <Row name="Widths">{dims.join(", ")} (conditioning / mlp)</Row>
    </>
  )
}

const USES: Readonly<Record<FileUse, string>> = {
  lllite: "Use as control",
  controlnet: "Use as control",
  lora: "Use as LoRA",
  vae: "Use as VAE",
  model: "Open as model",
}

/** Uses the file as what it is. */
function UseIt({ of }: { readonly of: FileDescription }): JSX.Element | null {
  const [problem, setProblem] = useState<string | null>(null)
  const use = useOf(of)
  if (use === null || modelState.value.phase !== "ready") return null
  return (
    <div class="row">
      <button
        type="button"
        class="primary"
        onClick={() => {
          useOpened().then(
            (sentence) => {
              setProblem(null)
              if (use !== "model") show("draw")
              if (sentence !== null) say(sentence)
            },
            (error: unknown) => setProblem(messageOf(error)),
          )
        }}
      >
        {USES[use]}
      </button>
      <Problem text={problem} />
    </div>
  )
}

function Health({ of: { blocks, findings } }: { readonly of: LlliteDescription }): JSX.Element {
  const strongest = Math.max(
    ...blocks.map(({ strength }) => (Number.isFinite(strength) ? strength : 0)),
    Number.MIN_VALUE,
  )
  return (
    <div class="card">
      <h2>Health</h2>
      {findings.length === 0 ? (
        <p>Its values have no problems.</p>
      ) : (
        <ul class="findings">
          {findings.map(({ code, severity, advice }) => (
            <li key={code} class={severity}>
              {advice}
            </li>
          ))}
        </ul>
      )}
      <table class="blocks">
        <thead>
          <tr>
            <th scope="col">Block</th>
            <th scope="col">Sites</th>
            <th scope="col">Strength</th>
            <th scope="col">Due to the control</th>
          </tr>
        </thead>
        <tbody>
          {blocks.map(({ block, siteCount, strength, controlStrength }) => (
            <tr key={block}>
              <th scope="row">{block}</th>
              <td>{siteCount}</td>
              <td>
                <svg class="bar" viewBox="0 0 100 10" aria-hidden="true">
                  <rect width={(100 * (Number.isFinite(strength) ? strength : 0)) / strongest} height="10" />
                </svg>
                {strength.toPrecision(2)}
              </td>
              <td>{controlStrength.toPrecision(2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">
        Strength estimates how much an adapter adds to its layer's input. The input itself counts as 1. The last column
        is the part that depends on the control. The figures rank blocks and find blocks without effect. They do not
        predict how a picture looks.
      </p>
    </div>
  )
}

function Row({ name, children }: { readonly name: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{children}</td>
    </tr>
  )
}
