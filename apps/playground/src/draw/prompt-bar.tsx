import type { JSX } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { modelFacts } from "../models/model-facts.ts"
import { modelState } from "../page/model.ts"
import { drawState, isLive, stop, stopLive } from "./make-picture.ts"
import { KNOWN_WORDS, promptHint, promptParts, withWord } from "./prompt-words.ts"
import { changeRecipe, draft } from "./recipe-state.ts"

/** The prompt, and the button that makes the picture and stops it. */
export function PromptBar(): JSX.Element {
  const { value: state } = drawState
  const isRunning = state.phase === "running" && state.quality === "full"
  const isReady = modelState.value.phase === "ready"
  const { draw: words, page } = messages.value
  return (
    <div class="prompt-bar">
      <PromptField />
      <label class="check live">
        <input
          type="checkbox"
          checked={isLive.value}
          onChange={(event) => {
            isLive.value = event.currentTarget.checked
            if (!isLive.value) stopLive()
          }}
        />
        <span>
          {words.live}
          <span class="live-more">{words.liveMore}</span>
        </span>
      </label>
      {/* One element in both roles, so that it keeps the focus. */}
      <button
        type={isRunning ? "button" : "submit"}
        class="primary generate"
        disabled={!isReady}
        onClick={(event) => {
          if (!isRunning) return
          event.preventDefault()
          // The second click of a double click does not stop what the first one began.
          if (event.detail < 2) stop()
        }}
      >
        {isRunning ? page.stop : words.generate}
      </button>
    </div>
  )
}

/** The field of the prompt. Words that the model does not know are underlined. */
function PromptField(): JSX.Element {
  const { prompt } = draft.value
  const words = messages.value.draw
  const input = useRef<HTMLInputElement>(null)
  const marks = useRef<HTMLDivElement>(null)
  const follow = (): void => {
    if (input.current !== null && marks.current !== null) marks.current.scrollLeft = input.current.scrollLeft
  }
  useLayoutEffect(follow, [prompt])
  return (
    <div class="prompt-field">
      <div class="prompt-marks" ref={marks} aria-hidden="true" translate={false}>
        {(modelFacts.value.isBuiltIn ? promptParts(prompt) : []).map(({ text, isUnknown }, index) =>
          isUnknown ? <u key={index}>{text}</u> : <span key={index}>{text}</span>,
        )}
      </div>
      <input
        ref={input}
        type="text"
        aria-label={words.prompt}
        aria-describedby={modelFacts.value.isBuiltIn ? "prompt-hint" : undefined}
        placeholder={words.promptPlaceholder}
        value={prompt}
        maxLength={400}
        autocomplete="off"
        spellcheck={false}
        onScroll={follow}
        onInput={(event) => changeRecipe({ prompt: event.currentTarget.value })}
      />
    </div>
  )
}

/** Words that the model knows, to add to the prompt, and what is to be said of the prompt. */
export function PromptWords(): JSX.Element | null {
  const { prompt } = draft.value
  // Of other models the page does not know the words.
  if (!modelFacts.value.isBuiltIn) return null
  const words = messages.value.draw
  const hint = promptHint(prompt)
  return (
    <div class="prompt-words">
      <div class="chips">
        <span id="known-words">{words.knownWords}</span>
        <ul aria-labelledby="known-words">
          {KNOWN_WORDS.map((word) => (
            <li key={word}>
              <button
                type="button"
                class="chip"
                aria-label={words.addWord(word)}
                title={words.meaning(word) ?? undefined}
                onClick={() => changeRecipe({ prompt: withWord(prompt, word) })}
              >
                <span lang="en">{word}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
      <p id="prompt-hint" class="prompt-hint">
        {hint !== null && <Said of={hint} />}
      </p>
    </div>
  )
}
