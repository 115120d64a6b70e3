import { SDXL_LAYOUT, sameLayout, type UnetLayout } from "@lllite/format"
import { signal } from "@preact/signals"
import type { Sentence } from "../language/sentence.ts"
import { SIZE } from "../pictures/canvas-image.ts"

/** What the page's form has to know of the model that draws. */
export interface ModelFacts {
  /** Its name on the page. */
  readonly name: string
  /** Its file or address in recipes. */
  readonly path: string
  /** SHA-256 of its file. Null: it is not known, or not yet. */
  readonly sha256: string | null
  /** The VAE that replaces its own. Null: its own. */
  readonly vae: string | null
  /** Whether it is the model of this page, whose words are known. */
  readonly isBuiltIn: boolean
  /** Whether a picture takes seconds on a processor, so that pictures are made without being asked for. */
  readonly isSmall: boolean
  /** Sides of pictures that are offered, in pixels. */
  readonly sides: readonly number[]
  /** What it draws best with. */
  readonly best: { readonly side: number; readonly steps: number; readonly guidanceScale: number }
}

/** The built-in model in recipes. The command takes this name, too. */
export const TINY = "tiny"

const OF_TINY = {
  isSmall: true,
  sides: [64, 96, 128, 160, 192, 256, 384, 512],
  best: { side: SIZE, steps: 8, guidanceScale: 1.5 },
} as const
const OF_SDXL = {
  isSmall: false,
  sides: [512, 640, 768, 832, 896, 1024, 1152, 1280, 1536, 2048],
  best: { side: 1024, steps: 20, guidanceScale: 7 },
} as const

/** The sizes and settings for a model of these widths. Small ones are like the tiny SDXL. */
export function sizesOf(layout: UnetLayout): Pick<ModelFacts, "isSmall" | "sides" | "best"> {
  return sameLayout(layout, SDXL_LAYOUT) || layout.modelChannels >= SDXL_LAYOUT.modelChannels ? OF_SDXL : OF_TINY
}

export const TINY_FACTS: ModelFacts = {
  name: "Tiny SDXL",
  path: TINY,
  sha256: null,
  vae: null,
  isBuiltIn: true,
  ...OF_TINY,
}

/** What works with the model for long, such as "A training", so that it cannot be replaced now. Null: nothing. */
export const heldBy = signal<Sentence | null>(null)

/** The model that draws, or that drew last. */
export const modelFacts = signal<ModelFacts>(TINY_FACTS)
