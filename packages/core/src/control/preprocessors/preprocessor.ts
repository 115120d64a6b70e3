import type { GreyImage, RgbImage } from "../../image.ts"
import type { NumberRange } from "../../number-range.ts"

/** An option that is a number, or a switch. */
export type PreprocessorOption =
  | (NumberRange & {
      /** Null: not set. */
      readonly default: number | null
      /** One sentence. */
      readonly help: string
    })
  | { readonly default: boolean; readonly help: string }

/** The options of a preprocessor, by name. Values without names are taken in this order. */
export type PreprocessorOptionTable = Readonly<Record<string, PreprocessorOption>>

/** Values for options. What is left out has its default. */
export type PreprocessorValues = Readonly<Record<string, number | boolean | null>>

type ValueOf<Option> = Option extends { readonly default: boolean }
  ? boolean
  : Option extends { readonly default: null }
    ? number | null
    : number

type ValuesOf<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> }

/** A way to turn a picture into a control picture. */
export interface Preprocessor<Table extends PreprocessorOptionTable = PreprocessorOptionTable> {
  /** One sentence. */
  readonly help: string
  /** Other names that people know it by. */
  readonly aliases?: readonly string[]
  readonly options: Table
  /** The result may have another size. Grey becomes RGB. */
  readonly run: (image: RgbImage, values: ValuesOf<Table>) => RgbImage | GreyImage
}

/** A preprocessor whose function reads the values of its options. */
export function definePreprocessor<const Table extends PreprocessorOptionTable>(
  preprocessor: Preprocessor<Table>,
): Preprocessor<Table> {
  return preprocessor
}
