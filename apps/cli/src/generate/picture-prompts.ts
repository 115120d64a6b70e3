import { InputError, listPictures } from "@lllite/runtime-node"
import type { PromptSource } from "./prompts.ts"
import { openModelFolders } from "./source/model-folders.ts"
import { readPictureFile } from "./source/read-source.ts"

/**
 * The prompts that the text of start pictures holds, with their negative prompts, one for each picture. So a folder of
 * pictures is drawn anew without its prompts being typed again. Nothing else of the text is followed.
 *
 * Source: sd-scripts `gen_img.py`, "get prompts from images' metadata".
 *
 * @param path a picture, a folder or a pattern
 * @throws InputError naming a picture whose text holds no prompt
 */
export async function picturePrompts(path: string): Promise<readonly PromptSource[]> {
  const sources: PromptSource[] = []
  for (const [start, picture] of (await listPictures([path])).entries()) {
    const folders = await openModelFolders({ modelsDirs: [], extraPaths: undefined, source: picture })
    const read = await readPictureFile(picture, folders).catch((cause: unknown) => {
      const reason = cause instanceof Error ? ` ${cause.message}` : ""
      throw new InputError(
        "not-a-picture",
        `there is no prompt, and the start picture has none:${reason} Give one with --prompt.`,
        { cause },
      )
    })
    const { prompt = "", negativePrompt = "" } = read.recipes[0] ?? {}
    sources.push({
      text: prompt,
      where: `"${picture}"`,
      isLiteral: true,
      hasGroups: false,
      hasTags: read.hasTags,
      negativePrompt,
      start,
    })
  }
  return sources
}
