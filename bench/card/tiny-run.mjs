// Inputs of the section `picture` for the tiny model. build.mjs packs only the words of these captions.
import { captionOf, heldOutSeed, makeScene, trainingSeed } from "../../packages/tiny/dist/index.js"

/** The picture that is drawn. */
export const REQUEST = { prompt: captionOf(makeScene(heldOutSeed, 0)), negativePrompt: "", seed: 1 }

/** The scenes that an LLLite is trained on. */
export const SCENES = [0, 1].map((index) => makeScene(trainingSeed, index))

export const CAPTIONS = [REQUEST.prompt, REQUEST.negativePrompt, ...SCENES.map(captionOf)]
