import { stat } from "node:fs/promises"
import { extname, join } from "node:path"
import { isReadImage } from "@lllite/core/image"
import { checkArgument, countedNotice } from "@lllite/core/names"
import { describeEmpty, readPictureFolder } from "../dataset/picture-folder.ts"
import { fileError, InputError } from "../errors.ts"
import { filesMatching, isPattern } from "../files/path-pattern.ts"
import { hasCode } from "../files/system-code.ts"

/**
 * The pictures that paths name, in the order of the paths: files as they are; of a folder all pictures in it, by name;
 * of a pattern with `*`, `?` or `[…]` all pictures that match, by path. `**` stands for any folders. A path that is
 * there is never a pattern.
 *
 * @param say is told which pictures of folders are passed over, because their format is not read
 * @throws InputError for a path that is not there, a folder without pictures, or a pattern without matches
 */
export async function listPictures(
  paths: readonly string[],
  say: (notice: string) => void = () => {},
): Promise<readonly string[]> {
  checkArgument("listPictures: the paths", paths, "a list")
  const lists: (readonly string[])[] = []
  for (const path of paths) lists.push(await listOne(path, say))
  return lists.flat()
}

async function listOne(path: string, say: (notice: string) => void): Promise<readonly string[]> {
  checkArgument("listPictures: a path", path, "text")
  let isFolder: boolean
  try {
    isFolder = (await stat(path)).isDirectory()
  } catch (cause) {
    if (!hasCode(cause, "ENOENT") || !isPattern(path)) throw fileError("read", path, cause)
    const found = (await filesMatching(path)).filter((each) => isReadImage(extname(each)))
    if (found.length > 0) return found.sort()
    throw new InputError("file", `no picture matches "${path}". Expected the path of a picture, a folder or a pattern.`)
  }
  if (!isFolder) return [path]
  const folder = await readPictureFolder(path)
  if (folder.names.length === 0) throw new InputError("not-a-picture", `${describeEmpty(folder, "picture")}.`)
  const unread = countedNotice(
    folder.unread.map((name) => join(path, name)),
    "pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} a format that is not read, and ${isOne ? "is" : "are"} passed over. Save ${isOne ? "it" : "them"} as PNG.`,
  )
  for (const notice of unread) say(notice)
  return folder.names.map((name) => join(path, name))
}
