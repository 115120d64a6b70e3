import type { CheckpointTraits } from "@lllite/format/identify"
import type { ComponentChildren, JSX } from "preact"
import { useState } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { problemOf, remark, type Sentence, sentence } from "../language/sentence.ts"
import { modelFacts } from "../models/model-facts.ts"
import { showModelPanel } from "../models/model-panel-state.ts"
import { show } from "../page/app-state.ts"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { say } from "../page/status-line.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import type { FileDescription, LlliteDescription } from "./describe-file.ts"
import { type FileUse, fileState, identitySaid, openEmbedded, openFile, useOf, useOpened } from "./file-state.ts"
import { ToolsCard } from "./tools/tools-card.tsx"

/** The largest number of characters of a metadata value that are shown. */
const MOST_TEXT = 4000
/** The largest number of metadata entries that are shown. */
const MOST_ENTRIES = 200

/** Opens a file and shows what it is. Texts from the file are put into the page as text nodes only. */
export function FilesPanel(): JSX.Element {
  const state = fileState.value
  const words = messages.value.files
  const open = ([file]: readonly File[]): void => {
    if (file !== undefined) void openFile(file)
  }
  return (
    <div class="files">
      <div class="card">
        <h2>{words.title}</h2>
        <p class="note">{words.note}</p>
        <div class="row">
          <FileButton label={words.open} accept=".safetensors" onFiles={open} />
          <button type="button" onClick={() => void openEmbedded()}>
            {words.builtIn}
          </button>
        </div>
        {state.kind === "reading" && (
          <p class="reading" role="status">
            {words.reading(state.name)}
          </p>
        )}
        {state.kind === "problem" && <Problem of={state.problem} />}
      </div>
      {state.kind === "description" && <Description of={state.description} />}
    </div>
  )
}

function Description({ of }: { readonly of: FileDescription }): JSX.Element {
  const { name, bytes, identity, tensorCount, parameters, dtypes, metadata, tensors, lllite, traits } = of
  const entries = [...metadata]
  const { files: words, page } = messages.value
  return (
    <>
      <div class="card">
        <h2 class="file-name" translate={false}>
          {name}
        </h2>
        <p class="identity">
          <Said of={sentence("files", "is", identitySaid(identity))} />
        </p>
        <table>
          <tbody>
            <Row name={words.size}>{words.bytes(bytes)}</Row>
            <Row name={words.parameters}>{words.parametersOf(parameters, tensorCount)}</Row>
            <Row name={words.dtypes}>
              {dtypes.size === 0 ? words.none : page.list([...dtypes].map(([dtype, count]) => `${dtype} × ${count}`))}
            </Row>
            {lllite !== null && <LlliteRows of={lllite} />}
            {traits !== null && <TraitRows of={traits} />}
          </tbody>
        </table>
        <UseIt of={of} />
      </div>
      {lllite !== null && <Health of={lllite} />}
      <ToolsCard of={of} />
      <div class="card">
        <h2>{words.metadata}</h2>
        {entries.length === 0 && <p class="note">{words.metadataNone}</p>}
        <dl class="metadata" translate={false}>
          {entries.slice(0, MOST_ENTRIES).map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{value.length > MOST_TEXT ? words.characters(value.slice(0, MOST_TEXT), value.length) : value}</dd>
            </div>
          ))}
        </dl>
        {entries.length > MOST_ENTRIES && <p class="note">{words.moreNotShown(entries.length - MOST_ENTRIES)}</p>}
      </div>
      <div class="card">
        <h2>{words.tensors}</h2>
        <details>
          <summary>{words.tensorsShown(tensors.length, tensorCount)}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys have to reach it */}
          <ul class="tensors" translate={false} tabIndex={0}>
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
  const words = messages.value.files
  return (
    <>
      <Row name={words.predicts}>{words.prediction(prediction === "v", zeroTerminalSnr, saidBy)}</Row>
      {scaledWeights > 0 && <Row name={words.scales}>{words.scalesOf(scaledWeights)}</Row>}
      {refusals.map((text) => (
        <Row key={text} name={words.notRun}>
          <Said of={sentence("files", "refused", remark(text))} />
        </Row>
      ))}
      {notices.map((text) => (
        <Row key={text} name={words.remark}>
          <Said of={remark(text)} />
        </Row>
      ))}
    </>
  )
}

function LlliteRows({ of }: { readonly of: LlliteDescription }): JSX.Element {
  const { sites, dims, selection, isForSdxl, title, preprocessor, extraTensors, extraTensorCount } = of
  const words = messages.value.files
  return (
    <>
      {title !== null && <Row name={words.name}>{title}</Row>}
      {extraTensorCount > 0 && (
        <Row name={words.notReadRow}>{words.extraTensors(extraTensorCount, extraTensors[0] ?? "")}</Row>
      )}
      {preprocessor !== null && <Row name={words.control}>{preprocessor}</Row>}
      <Row name={words.unet}>{isForSdxl ? words.unetSdxl : words.unetSmall}</Row>
      <Row name={words.sites}>{words.sitesOf(sites, selection)}</Row>
      <Row name={words.widths}>{words.widthsOf(messages.value.page.list(dims.map(String)))}</Row>
    </>
  )
}

const USES = {
  lllite: "useAsControl",
  controlnet: "useAsControl",
  lora: "useAsLora",
  vae: "useAsVae",
  model: "openAsModel",
} as const satisfies Readonly<Record<FileUse, string>>

/** Uses the file as what it is. */
function UseIt({ of }: { readonly of: FileDescription }): JSX.Element | null {
  const [problem, setProblem] = useState<Sentence | null>(null)
  const use = useOf(of)
  if (use === null) return <p class="note">{messages.value.files.describedAlone}</p>
  if (modelState.value.phase !== "ready") return null
  // An LLLite of SDXL does not fit a small model, nor one of a small model SDXL.
  if (of.lllite !== null && of.lllite.isForSdxl === modelFacts.value.isSmall) {
    const words = messages.value.files
    return (
      <div class="row">
        <p>{of.lllite.isForSdxl ? words.needsSdxl : words.needsSmall}</p>
        <button type="button" onClick={showModelPanel}>
          {messages.value.models.openAnother}
        </button>
      </div>
    )
  }
  return (
    <div class="row">
      <button
        type="button"
        class="primary"
        onClick={() => {
          useOpened().then(
            (said) => {
              setProblem(null)
              if (use !== "model") show("draw")
              if (said !== null) say(said)
            },
            (error: unknown) => setProblem(problemOf(error)),
          )
        }}
      >
        {messages.value.files[USES[use]]}
      </button>
      <Problem of={problem} />
    </div>
  )
}

function Health({ of: { blocks, findings } }: { readonly of: LlliteDescription }): JSX.Element {
  const words = messages.value.files
  const strongest = Math.max(
    ...blocks.map(({ strength }) => (Number.isFinite(strength) ? strength : 0)),
    Number.MIN_VALUE,
  )
  return (
    <div class="card">
      <h2>{words.health}</h2>
      {findings.length === 0 ? (
        <p>{words.healthy}</p>
      ) : (
        <ul class="findings">
          {findings.map(({ code, severity, advice }) => (
            <li key={code} class={severity}>
              <Said of={sentence("files", "finding", code, advice)} />
            </li>
          ))}
        </ul>
      )}
      <table class="blocks">
        <thead>
          <tr>
            <th scope="col">{words.block}</th>
            <th scope="col">{words.sites}</th>
            <th scope="col">{words.strength}</th>
            <th scope="col">{words.controlStrength}</th>
          </tr>
        </thead>
        <tbody>
          {blocks.map(({ block, siteCount, strength, controlStrength }) => (
            <tr key={block}>
              <th scope="row" translate={false}>
                {block}
              </th>
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
      <p class="note">{words.healthNote}</p>
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
