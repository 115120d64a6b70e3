import { controlPicture } from "@lllite/core/image"
import { problemOf } from "../language/sentence.ts"
import { fitPicture } from "./fit-picture.ts"
import type { PictureAnswer, PictureTask } from "./picture-reader.ts"

/* Reads pictures and makes controls, one after another. */
let last: Promise<void> = Promise.resolve()

addEventListener("message", ({ data: { id, task } }: MessageEvent<{ id: number; task: PictureTask }>) => {
  last = last.then(async () => {
    let answer: PictureAnswer
    try {
      answer =
        task.kind === "read"
          ? { id, picture: await fitPicture(task.file, task.size, task.like) }
          : { id, image: controlPicture(task.image, task.image, task.preparation) }
    } catch (error) {
      answer = { id, problem: problemOf(error) }
    }
    postMessage(answer)
  })
})
