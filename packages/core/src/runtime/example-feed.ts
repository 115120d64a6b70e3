import type { Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"
import type { Sized } from "../training/batches.ts"
import type { CaptionMoment, RuledCaption } from "../training/captions/index.ts"
import { drawCaption, frequentTexts, longestCaption } from "../training/captions/index.ts"
import type { Augmentation, EncodedText, ExampleDraws, TextStore, TrainDataset } from "../training/dataset.ts"
import type { CaptionedRow, EncodedRow, ExampleRow } from "../training/example-row.ts"
import { rawRow, rowKey, rowOf, storedRow } from "../training/example-row.ts"
import type { FirstControl } from "../training/normalise-conditioners.ts"
import { checkOriginals, originalOf } from "../training/originals.ts"

/** Encodes what is left to encode of a row. @param caption the text of which it says whether it is cut */
export type EncodeRow = (
  row: ExampleRow,
  caption: string,
) => Promise<{ readonly row: EncodedRow; readonly isCut: boolean }>

/** Gives the steps of a run their examples: from memory, from the data set's store, or read anew. */
export interface ExampleFeed {
  /** Encodes example `index`, if its latents can be kept. @returns the name of a picture whose caption is cut, or null */
  prepare(index: number, encode: EncodeRow): Promise<string | null>
  /** Examples for which there was no room. Known after all are prepared. */
  notices(): readonly string[]
  /** The size of every example. Known after all are prepared. */
  sizes(): readonly Sized[]
  /**
   * The rows of a batch, by its number in the run and the indices of its examples. Captions that change are drawn for
   * the batch, the row and the moment.
   */
  rows(batch: number, indices: readonly number[], moment: CaptionMoment): Promise<readonly ExampleRow[]>
  /** The first controls: as many as the start and the limit of sites read. */
  controls(encode: EncodeRow): Promise<readonly FirstControl[]>
}

export interface FeedOptions {
  readonly seed: Seed
  /** The most bytes of encoded examples that are kept. With 0, only what a store keeps is encoded before its step. */
  readonly keptBytes: number
  /** Whether the steps read latents of controls. Default: false */
  readonly readsControlLatents?: boolean
}

/** No rule that reads the first controls reads more pixels. The last control may exceed it. */
const CONTROL_PIXELS = 2 ** 20

const FIXED: Augmentation = { flips: false, varies: false }

/** @throws CoreError when `original` of the data set gives no earlier index */
export function createExampleFeed(
  dataset: TrainDataset,
  { seed, keptBytes, readsControlLatents = false }: FeedOptions,
): ExampleFeed {
  checkOriginals(dataset)
  /** Rows with latents. Their texts are kept beside them: pictures may have one caption. */
  const kept = new Map<string, CaptionedRow>()
  const texts = new Map<string, EncodedText>()
  /** Latents of the controls of rows. */
  const controlLatents = new Map<string, Float32Array>()
  const found = new Array<Sized>(dataset.sizes === undefined ? dataset.count : 0)
  const flips = createStream(seed, "flip")
  let bytes = 0
  /** Whether there was no room for a text. */
  let isFull = keptBytes === 0
  let [fixed, unkept] = [0, 0]
  /** Examples whose captions do not change, and those of them whose texts have no room. */
  let [plain, untexted] = [0, 0]
  /** Rows whose controls' latents could be kept, and those of them without room. */
  let [controlled, uncontrolled] = [0, 0]

  const isStreamed = (index: number): boolean => dataset.isStreamed?.(index) ?? false
  const augmentationOf = (index: number): Augmentation => dataset.augmentation?.(index) ?? FIXED
  const withText = (row: ExampleRow, text: EncodedText | null | undefined): ExampleRow =>
    text === null || text === undefined ? row : { ...row, text }
  /** Keeps a value if there is room for it. */
  const hasRoom = (size: number): boolean => {
    if (bytes + size > keptBytes) return false
    bytes += size
    return true
  }
  const keepText = (caption: string, text: EncodedText): void => {
    if (texts.has(caption)) return
    if (hasRoom(text.context.byteLength + text.pooled.byteLength)) texts.set(caption, text)
    else isFull = true
  }

  const keepControlLatents = ({ key, controlLatents: latents }: ExampleRow): void => {
    if (latents == null) return
    controlled += 1
    if (key !== null && hasRoom(latents.byteLength)) controlLatents.set(key, latents)
    else uncontrolled += 1
  }
  /** The row with the latents of its control, or the request for them, if steps read them. */
  const withControlLatents = <R extends ExampleRow>(row: R): R =>
    readsControlLatents ? { ...row, controlLatents: controlLatents.get(row.key ?? "") ?? null } : row
  /** Encodes the control of a row alone. */
  const encodeControl = async (row: ExampleRow, encode: EncodeRow): Promise<EncodedRow> => {
    const { key, width, height, control } = row
    const asked = { ...NO_PICTURE, key, width, height, control, text: NO_TEXT }
    return (await encode(withControlLatents(asked), "")).row
  }

  const ruledOf = (index: number): RuledCaption | null => dataset.changingCaption?.(index) ?? null

  /** The texts that many steps read of an example, as far as they are known without its pictures. */
  const knownTexts = (index: number): readonly string[] => {
    const ruled = ruledOf(index)
    if (ruled !== null) return frequentTexts(ruled, seed, index)
    return dataset.captionOf === undefined ? [] : [dataset.captionOf(index)]
  }

  const encodeText = async (caption: string, encode: EncodeRow): Promise<EncodedText> =>
    (await encode({ ...NO_PICTURE, text: { caption } }, caption)).row.text

  const prepareTexts = async (index: number, encode: EncodeRow): Promise<void> => {
    const isPlain = ruledOf(index) === null
    if (isPlain) plain += 1
    if (isPlain && dataset.texts !== undefined) return storeText(dataset.texts, index, encode)
    for (const caption of knownTexts(index)) {
      if (texts.has(caption)) continue
      if (!isFull) keepText(caption, await encodeText(caption, encode))
      if (isPlain && isFull) untexted += 1
    }
  }

  const storeText = async (store: TextStore, index: number, encode: EncodeRow): Promise<void> => {
    if (await store.has(index)) return
    const caption = dataset.captionOf?.(index) ?? (await dataset.example(index)).caption
    await store.write(index, await encodeText(caption, encode))
  }

  /** The row with the caption that the data set gives it, or with the one that is drawn. */
  const rowAt = async (index: number, at: Position, moment: CaptionMoment): Promise<ExampleRow> => {
    const first = originalOf(dataset, index)
    const row = withControlLatents(await plainRowAt(first, at))
    const ruled = ruledOf(first)
    if (ruled === null) return withText(row, texts.get(row.text.caption) ?? (await dataset.texts?.read(first)))
    const caption = drawCaption(ruled, seed, at, moment)
    return withText({ ...row, text: { caption } }, texts.get(caption))
  }

  const plainRowAt = async (first: number, at: Position): Promise<CaptionedRow> => {
    const { flips: doesFlip, varies } = augmentationOf(first)
    const isFlipped = doesFlip && (flips.uniform(1, at)[0] as number) < 0.5
    if (isStreamed(first)) {
      return rawRow(await dataset.example(first, { isFlipped, draws: varies ? drawsAt(seed, at) : null }), null, at)
    }
    if (varies) return rawRow(await dataset.example(first, { isFlipped, draws: drawsAt(seed, at) }), null, at)
    const key = rowKey(first, isFlipped)
    const found = kept.get(key)
    if (found !== undefined) return found
    if (dataset.latents !== undefined) return storedRow(await dataset.latents.read(first, isFlipped), key)
    return rowOf(await dataset.example(first, { isFlipped, draws: null }), first, isFlipped)
  }

  return {
    async prepare(index, encode) {
      if (isStreamed(index)) return null
      const { flips: doesFlip, varies } = augmentationOf(index)
      await prepareTexts(index, encode)
      const isKept = !varies && unkept === 0 && keptBytes > 0
      if (!varies) fixed += 1
      if (dataset.latents !== undefined && !varies && (await dataset.latents.has(index))) {
        if (dataset.sizes === undefined) {
          const { control } = await dataset.latents.read(index, false)
          found[index] = { width: control.width, height: control.height }
        }
        if (readsControlLatents && uncontrolled === 0) {
          for (const isFlipped of doesFlip ? [false, true] : [false]) {
            const row = storedRow(await dataset.latents.read(index, isFlipped), rowKey(index, isFlipped))
            keepControlLatents(await encodeControl(row, encode))
          }
        } else if (readsControlLatents) {
          controlled += 1
          uncontrolled += 1
        }
        return null
      }
      if (!varies && !isKept && dataset.latents === undefined) unkept += 1
      if (!isKept && dataset.latents === undefined && dataset.sizes !== undefined) return null
      const latents: Float32Array[] = []
      let cut: string | null = null
      for (const isFlipped of doesFlip ? [false, true] : [false]) {
        const example = await dataset.example(index, { isFlipped, draws: null })
        const ruled = ruledOf(index)
        const raw = rowOf(example, index, isFlipped)
        found[index] = { width: raw.width, height: raw.height }
        if (varies || (!isKept && dataset.latents === undefined)) return null
        const { caption } = example
        // Of most data sets, captions are known before, and their texts are prepared already.
        const isPrepared = ruled !== null || dataset.texts !== undefined || dataset.captionOf !== undefined
        const asked = withControlLatents(isPrepared ? { ...raw, text: NO_TEXT } : withText(raw, texts.get(caption)))
        const { row, isCut } = await encode(asked, ruled === null ? caption : longestCaption(ruled))
        if (isCut) cut = example.name
        if (!isPrepared) keepText(caption, row.text)
        latents.push(row.picture.latents)
        keepControlLatents(row)
        if (dataset.latents !== undefined) continue
        if (hasRoom(row.picture.latents.byteLength + row.control.data.byteLength)) {
          const { controlLatents: _, ...rest } = row
          kept.set(rowKey(index, isFlipped), { ...rest, text: { caption } })
        } else if (unkept === 0) unkept = 1
      }
      await dataset.latents?.write(index, latents)
      return cut
    },

    notices: () => {
      const room = `${(keptBytes / 2 ** 30).toPrecision(2)} GiB of memory for encoded pictures`
      return [
        ...(unkept === 0
          ? []
          : [
              `${unkept} of ${fixed} pictures do not fit into the ${room}. ` +
                "They are encoded anew at every step. Latents in files avoid it.",
            ]),
        ...(uncontrolled === 0
          ? []
          : [
              `The latents of ${uncontrolled} of ${controlled} controls do not fit into the ${room}. ` +
                "They are encoded anew at every step. Smaller pictures, or controls as pixels, avoid it.",
            ]),
        ...(untexted === 0
          ? []
          : [
              `The captions of ${untexted} of ${plain} pictures do not fit into the ${room}. ` +
                "They are encoded anew at every step. Encoded captions in files avoid it.",
            ]),
      ]
    },

    sizes: () => dataset.sizes ?? Array.from(found, (_, index) => found[originalOf(dataset, index)] as Sized),

    rows: (batch, indices, moment) =>
      Promise.all(indices.map((index, row) => rowAt(index, { step: batch, index: row }, moment))),

    async controls(encode) {
      const controls: FirstControl[] = []
      let pixels = 0
      for (let index = 0; index < dataset.count && pixels <= CONTROL_PIXELS; index++) {
        const first = originalOf(dataset, index)
        const row = kept.get(rowKey(first, false)) ?? (await dataset.example(first))
        const { control } = row
        if (readsControlLatents) {
          const asked = { ...NO_PICTURE, ...control, control, key: rowKey(first, false), text: NO_TEXT }
          const latents = controlLatents.get(asked.key) ?? (await encodeControl(asked, encode)).controlLatents
          controls.push({ ...control, ...(latents == null ? {} : { latents }) })
        } else controls.push(control)
        pixels += control.width * control.height
      }
      return controls
    },
  }
}

/** The text of a row whose caption is drawn at each step. */
const NO_TEXT: EncodedText = { context: new Float32Array(0), pooled: new Float32Array(0) }

/** A row of which the text alone is encoded. */
const NO_PICTURE: Omit<ExampleRow, "text"> = {
  ...{ key: null, width: 0, height: 0, picture: { latents: new Float32Array(0) } },
  control: { width: 0, height: 0, data: new Uint8Array(0) },
  size: { original: [0, 0], crop: [0, 0], target: [0, 0] },
}

/** The number of a batch in the run, and a row of it. */
interface Position {
  readonly step: number
  readonly index: number
}

/** The random numbers of a row of a batch. */
function drawsAt(seed: Seed, at: Position): ExampleDraws {
  return { uniform: (purpose, count) => createStream(seed, purpose).uniform(count, at) }
}
