import type { PictureTrait, PictureWithTraits } from "../images/picture-traits.ts"
import { pictureNotices } from "../images/picture-traits.ts"
import type { Finding } from "./findings.ts"
import { findingOf, groupFinding } from "./findings.ts"
import type { ControlFacts, ImageFacts, PictureFacts } from "./picture-facts.ts"

/** The facts of a pair. Null: the picture cannot be decoded. */
export interface PairFacts {
  readonly image: ImageFacts | null
  readonly control: ControlFacts | null
}

/** Traits by how often they are a mistake. */
const TRAITS: Readonly<Record<PictureTrait, Finding["level"]>> = {
  turned: "warning",
  hidden: "warning",
  transparent: "warning",
  cmyk: "warning",
  deep: "note",
  profile: "warning",
  animated: "warning",
}

/** What the files of pictures hold that does not reach their pixels. */
export function traitFindings(pictures: readonly PictureWithTraits[]): readonly Finding[] {
  return Object.entries(TRAITS).flatMap(([name, level]) => {
    const trait = name as PictureTrait
    const having = pictures.filter(({ traits }) => traits.includes(trait))
    const files = having.map(({ path }) => path)
    return pictureNotices(files.map((path) => ({ path, traits: [trait] }))).map((text) => ({
      ...{ kind: trait, level, text, files },
    }))
  })
}

/** Controls that teach nothing, and pictures of one colour. */
export function emptyFindings(pairs: readonly PairFacts[]): readonly Finding[] {
  const plain = pairs.flatMap(({ image }) => (image?.isPlain === true ? [image.path] : []))
  const empty = pairs.flatMap(({ control }) => (control?.isPlain === true ? [control.path] : []))
  const faint = pairs.flatMap(({ control }) =>
    control !== null && !control.isPlain && control.tone.drawn < FAINT ? [control.path] : [],
  )
  const same = pairs.flatMap(({ image, control }) =>
    image !== null && control !== null && image.pixels === control.pixels ? [control.path] : [],
  )
  return [
    ...findingOf("plain-picture", "warning", plain, "pictures", (subject, isOne) => {
      return `${subject} ${isOne ? "has" : "have"} one colour only. Nothing can be learnt of it. Leave ${isOne ? "it" : "them"} out.`
    }),
    ...findingOf("empty-control", "warning", empty, "control pictures", (subject, isOne) => {
      return `${subject} ${isOne ? "is" : "are"} empty: one colour only. Make ${isOne ? "it" : "them"} again with lower thresholds, or leave the pair${isOne ? "" : "s"} out.`
    }),
    ...findingOf("faint-control", "note", faint, "control pictures", (subject, isOne) => {
      return `${subject} ${isOne ? "is" : "are"} nearly empty: less than 0.1 % of the pixels are drawn.`
    }),
    ...findingOf("control-is-picture", "warning", same, "control pictures", (subject, isOne) => {
      return `${subject} ${isOne ? "is" : "are"} the same as ${isOne ? "its picture" : "their pictures"}, pixel by pixel. This is meant for tiles alone. Else make control pictures with lllite preprocess.`
    }),
  ]
}

/** The share of drawn pixels below which a control is nearly empty. */
const FAINT = 0.001

/** Controls that are drawn on another ground than most of them. */
export function toneFindings(pairs: readonly PairFacts[]): readonly Finding[] {
  const controls = pairs.flatMap(({ control }) => (control === null || control.isPlain ? [] : [control]))
  const on = (ground: ControlFacts["tone"]["ground"]): readonly string[] =>
    controls.flatMap(({ path, tone }) => (tone.ground === ground ? [path] : []))
  const [dark, light] = [on("dark"), on("light")]
  const drawn = dark.length + light.length
  // A few black and white pictures among depth maps or blurs are not drawings.
  if (drawn < DRAWINGS * controls.length || drawn === 0) return []
  const [few, most, way] = light.length <= dark.length ? [light, dark, "dark"] : [dark, light, "light"]
  if (few.length > MINORITY * drawn) {
    return findingOf("mixed-controls", "warning", light, "control pictures", (subject, isOne) => {
      return `${subject} ${isOne ? "is a drawing" : "are drawings"} of dark lines on a light ground, and ${dark.length} of light lines on a dark one. Invert one kind: lllite preprocess invert.`
    })
  }
  const odd = findingOf("inverted-control", "warning", few, "control pictures", (subject, isOne) => {
    const other = way === "dark" ? "dark lines on a light ground" : "light lines on a dark ground"
    return `${subject} ${isOne ? "looks" : "look"} inverted: ${other}, where ${most.length} others are the other way round. Invert ${isOne ? "it" : "them"}: lllite preprocess invert.`
  })
  if (way === "dark" || light.length === 0) return odd
  const text = `The control pictures are dark lines on a light ground. Give such pictures when you generate, too. Preprocessors such as canny make light lines on a dark ground.`
  return [...odd, { kind: "light-ground", level: "note", text, files: [] }]
}

/** The share of controls that are drawings, from which on they are compared. */
const DRAWINGS = 0.6
/** The largest share of drawings that are called inverted. Above it, neither kind is the rule. */
const MINORITY = 0.35

/** Controls of another size than their pictures, of the same shape. */
export function sizeFindings(pairs: readonly PairFacts[]): readonly Finding[] {
  const other = pairs.flatMap(({ image, control }) => {
    if (image === null || control === null) return []
    return image.width === control.width && image.height === control.height ? [] : [control.path]
  })
  return findingOf("control-size", "note", other, "control pictures", (subject, isOne) => {
    const own = isOne ? "its picture" : "their pictures"
    return `${subject} ${isOne ? "has" : "have"} another size than ${own} and ${isOne ? "is" : "are"} resized. sd-scripts refuses this with buckets.`
  })
}

/**
 * Pictures that appear twice, by their pixels.
 *
 * @param alike groups of pictures that look alike, by their indexes in `pairs`
 */
export function duplicateFindings(
  pairs: readonly PairFacts[],
  alike: readonly (readonly number[])[],
): readonly Finding[] {
  const images = pairs.flatMap(({ image }) => (image === null || image.isPlain ? [] : [image]))
  const controls = pairs.flatMap(({ control }) => (control === null || control.isPlain ? [] : [control]))
  const copies = equalGroups(images)
  const near = alike.flatMap((group) => {
    const members = group.flatMap((index) => pairs[index]?.image ?? [])
    // One of each set of equal pictures is compared with the others.
    const different = [...new Map(members.toReversed().map((each) => [each.pixels, each])).values()].reverse()
    return different.length < 2 ? [] : [different.map(({ path }) => path)]
  })
  const imagesByControl = new Map(pairs.map(({ image, control }) => [control?.path, image?.pixels]))
  // Equal pictures have equal controls.
  const shared = equalGroups(controls).filter(
    (paths) => new Set(paths.map((path) => imagesByControl.get(path))).size > 1,
  )
  return [
    ...groupFinding("duplicate", copies, "pictures", (groups) => {
      return `${groups} are the same, pixel by pixel. To show a picture more often, use num_repeats.`
    }),
    ...groupFinding("near-duplicate", near, "pictures", (groups) => {
      return `${groups} look nearly the same, by a small perceptual hash. It may be wrong: look at them. Too many copies of one picture are learnt by heart.`
    }),
    ...groupFinding("duplicate-control", shared, "control pictures", (groups) => {
      return `${groups} are the same, pixel by pixel, and belong to different pictures. Were files copied under wrong names?`
    }),
  ]
}

/** Paths of equal pictures. */
function equalGroups(pictures: readonly PictureFacts[]): readonly (readonly string[])[] {
  const groups = new Map<string, Set<string>>()
  for (const { pixels, path } of pictures) {
    const group = groups.get(pixels)
    if (group === undefined) groups.set(pixels, new Set([path]))
    else group.add(path)
  }
  return [...groups.values()].filter(({ size }) => size > 1).map((paths) => [...paths])
}
