import type { JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { messages } from "../language/language.ts"
import type { Sentence } from "../language/sentence.ts"
import { bytesText } from "../page/bytes.ts"
import { ChoiceField } from "../page/fields.tsx"
import { modelState } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { sizesOf } from "./model-facts.ts"
import { isDownload } from "./model-source.ts"
import { NeedBar } from "./need-bar.tsx"
import { openChosen } from "./open-chosen.ts"
import { endProposal, type Proposal, proposal, propose } from "./proposal.ts"

/** The model that may be opened: what it is, what it needs, and why it cannot be opened. */
export function ProposalCard(): JSX.Element | null {
  const { value } = proposal
  return value === null ? null : <Card value={value} />
}

function Card({ value }: { readonly value: Proposal }): JSX.Element {
  const card = useRef<HTMLDivElement>(null)
  const { from, phase } = value
  const words = messages.value
  useEffect(() => card.current?.scrollIntoView({ block: "nearest" }), [phase])
  return (
    <div ref={card} class="proposal" data-phase={phase}>
      <div class="card-head">
        <h3 class="model-title" translate={false}>
          {from.name}
        </h3>
        <button type="button" class="quiet" onClick={endProposal}>
          {words.page.close}
        </button>
      </div>
      {value.phase === "planning" && (
        <p class="note" role="status">
          {words.models.readingHeader}
        </p>
      )}
      {value.phase === "failed" && <Problem of={value.problem} />}
      {value.phase === "planned" && <Planned {...value} />}
    </div>
  )
}

function Planned({ from, plan }: Extract<Proposal, { readonly phase: "planned" }>): JSX.Element {
  const { fileBytes, layout, need, roomBytes, refusal } = plan
  const { sides, isSmall } = sizesOf(layout)
  const words = messages.value.models
  return (
    <>
      <p class="note">{words.ofSize(isSmall ? words.smallSdxl : words.sdxlCheckpoint, bytesText(fileBytes))}</p>
      <NeedBar {...{ need, roomBytes }} />
      <Problem of={refusal === null ? null : refusalOf(refusal)} />
      <ChoiceField
        label={words.pictureSize}
        value={String(from.side)}
        names={sides.map(String)}
        textOf={(side) => `${side} × ${side} px`}
        onValue={(side) => void propose({ ...from, side: Number(side) })}
      />
      {refusal === null && (
        <button
          type="button"
          class="primary"
          disabled={modelState.value.phase !== "ready"}
          onClick={() => {
            void openChosen(from).then((isReady) => {
              if (isReady) endProposal()
            })
          }}
        >
          {isDownload(from) ? words.download(bytesText(fileBytes)) : words.openIt}
        </button>
      )}
    </>
  )
}

/** A plan refuses for one reason alone. @param english its words */
function refusalOf(english: string): Sentence {
  return { kind: "failure", code: "no-room", english }
}
