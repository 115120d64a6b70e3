import { join } from "node:path"
import { describeUnread } from "@lllite/core/image"
import { describeUnused, type Remark } from "@lllite/core/names"
import type { FileProblem } from "./file-problems.ts"
import type { PictureFolder } from "./picture-folder.ts"
import { describeEmpty, isComposed, placeInSorted, stemOf } from "./picture-folder.ts"

/** Pictures with their controls, by name. */
export interface MatchedNames {
  /** The pictures that have a control, in the order of their names. */
  readonly images: readonly string[]
  /** The control of each of these pictures. */
  readonly controls: readonly string[]
}

/** Pictures with their controls, and what is wrong with the names of the two folders. */
export interface Matching extends MatchedNames {
  /** What may be the cause of others comes first. */
  readonly problems: readonly FileProblem[]
  readonly remarks: readonly Remark[]
}

/**
 * Finds the control of every picture: the file of the same name, with any extension. Names are compared in NFC where
 * the exact one is missing. macOS writes letters and accents apart, and other programs write them as one sign.
 *
 * Controls without a picture are not used, and a notice says so. sd-scripts refuses them.
 */
export function matchControls(images: PictureFolder, controls: PictureFolder): Matching {
  const unread = [images, controls].flatMap(({ path, unread }) =>
    unread.map(
      (name): FileProblem => ({
        kind: "unread-format",
        path: join(path, name),
        text: describeUnread(join(path, name)),
      }),
    ),
  )
  const isEmpty = ({ names, unread }: PictureFolder): boolean => names.length + unread.length === 0
  const emptyOf = (folder: PictureFolder, word: string): readonly FileProblem[] =>
    isEmpty(folder) ? [{ kind: "empty-folder", path: folder.path, text: describeEmpty(folder, word) }] : []
  const empty = [...emptyOf(images, "pictures"), ...emptyOf(controls, "control pictures")]
  // Without one side, every name of the other one would be a problem. None of them is the cause.
  if (empty.length > 0) {
    return { images: [], controls: [], problems: [...empty, ...unread], remarks: [] }
  }

  const index = indexByStem(controls.names)
  const hidden = indexByStem(controls.unread)
  const found: { readonly images: string[]; readonly controls: string[] } = { images: [], controls: [] }
  const doubled: number[] = []
  const without: string[] = []
  const isUsed = new Uint8Array(controls.names.length)
  for (const image of images.names) {
    const [place, ...others] = index.find(stemOf(image))
    if (place !== undefined) {
      const control = controls.names[place] as string
      // A control mostly has the very name of its picture. One string is then kept of the two.
      found.controls.push(control === image ? image : control)
      found.images.push(image)
      for (const other of others) if (isUsed[other] === 0) doubled.push(other)
      for (const each of [place, ...others]) isUsed[each] = 1
    } else if (hidden.find(stemOf(image)).length === 0) without.push(image)
  }
  const ofUnread = new Set(images.unread.flatMap((name) => index.find(stemOf(name))))
  const unused = controls.names.filter((_, place) => isUsed[place] === 0 && !ofUnread.has(place))
  const alike = similarNames(unused)
  const missing = without.map((image): FileProblem => {
    const path = join(images.path, image)
    const stem = stemOf(image)
    const near = alike(stem)
    const advice =
      near === null
        ? `"${join(controls.path, stem)}" with any extension is missing`
        : `"${join(controls.path, near)}" has a similar name. Controls have exactly the names of their pictures`
    return { kind: "missing-control", path, text: `"${path}" has no control picture: ${advice}` }
  })
  const unusedPaths = unused.map((name) => join(controls.path, name))
  const unusedBeside = (missing.length > 0 ? describeUnused(unusedPaths) : []).map(
    (text): FileProblem => ({ kind: "unused-control", path: controls.path, text }),
  )
  return {
    ...found,
    // Beside pictures without a control, unused controls may be those that are missing, under other names.
    problems: [...unread, ...missing, ...unusedBeside],
    remarks: [
      ...(missing.length > 0 ? [] : unusedPaths).map((path): Remark => ({ kind: "unused-control", path })),
      ...doubled.map(
        (place): Remark => ({ kind: "doubled-control", path: join(controls.path, controls.names[place] as string) }),
      ),
      ...[...images.folders.keys()].map((name): Remark => ({ kind: "inner-folder", path: join(images.path, name) })),
    ],
  }
}

/**
 * Sorted names by their name without ending. `find` gives the places of those of the exact name, or else of those that
 * look the same.
 */
function indexByStem(names: readonly string[]): { find(stem: string): readonly number[] } {
  const others = new Map<string, number[]>()
  for (const [place, name] of names.entries()) {
    if (isComposed(name)) continue
    const stem = stemOf(name).normalize("NFC")
    others.set(stem, [...(others.get(stem) ?? []), place])
  }
  /** In the order of code points, names of one stem stand between others that begin with the stem and a dot. */
  const exactly = (stem: string): readonly number[] => {
    const beginning = `${stem}.`
    const places: number[] = []
    for (let place = placeInSorted(names, beginning); names[place]?.startsWith(beginning) === true; place++) {
      if (stemOf(names[place] as string) === stem) places.push(place)
    }
    return places
  }
  return {
    find(stem) {
      const exact = exactly(stem)
      if (exact.length > 0) return exact
      const composed = stem.normalize("NFC")
      return [...(composed === stem ? [] : exactly(composed)), ...(others.get(composed) ?? [])].sort((a, b) => a - b)
    },
  }
}

/** Names by a key of theirs, in their order. */
export function groupBy(
  names: readonly string[],
  keyOf: (name: string) => string,
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const name of names) {
    const group = groups.get(keyOf(name))
    if (group === undefined) groups.set(keyOf(name), [name])
    else group.push(name)
  }
  return groups
}

/** Finds a name that differs in case or in spaces at its ends, or that has a picture's name and more, such as "a_canny.png" for "a.png". */
function similarNames(names: readonly string[]): (stem: string) => string | null {
  const near = new Map<string, string>()
  for (const name of names.toReversed()) {
    const stem = looseName(stemOf(name))
    near.set(stem, name)
    for (const { index } of stem.matchAll(/[-_. ]/g)) near.set(stem.slice(0, index), name)
  }
  return (stem) => near.get(looseName(stem)) ?? null
}

function looseName(stem: string): string {
  return stem.normalize("NFC").toLowerCase().trim()
}
