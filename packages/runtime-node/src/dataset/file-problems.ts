/** Why a data set cannot be trained. */
export type FileProblemKind =
  /** A folder that cannot be read. */
  | "unread-folder"
  /** An archive of pairs that cannot be read. */
  | "shard"
  /** A folder without pictures. */
  | "empty-folder"
  /** A picture in a format that is not read. */
  | "unread-format"
  /** A picture without a control. */
  | "missing-control"
  /** Controls without a picture, beside pictures without a control. */
  | "unused-control"
  /** A picture or a control that cannot be read. */
  | "picture"
  /** A control of another shape than its picture. */
  | "shape"
  /** A picture that has no bucket. */
  | "unfit"
  /** A caption that cannot be used. */
  | "caption"
  /** A metadata file, or an entry of it, that cannot be used. */
  | "metadata"

/** A file or a folder that keeps a data set from being trained. */
export interface FileProblem {
  readonly kind: FileProblemKind
  /** One sentence, with the file and what to do. The last full stop may be missing. */
  readonly text: string
  /** The file or the folder. Of a shape it is the control. */
  readonly path: string
  /** The pair that has the problem. */
  readonly pair?: PairFiles
}

/** The paths of a picture and its control. */
export interface PairFiles {
  readonly image: string
  readonly control: string
}
