import type { PlannedPicture } from "../../generate/plan-pictures.ts"
import type { FileState } from "./marked-files.ts"

/** A pair to draw. */
export interface DrawnPair {
  readonly planned: PlannedPicture
  readonly image: string
  readonly control: string
  readonly caption: { readonly path: string; readonly text: string }
  readonly marks: { readonly image: string; readonly control: string }
  readonly states: { readonly image: FileState; readonly control: FileState; readonly hasCaption: boolean }
}
