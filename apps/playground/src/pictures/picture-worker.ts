import { problemOf } from "../language/sentence.ts"
import { madeControl } from "./control-kinds.ts"
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
          : { id, image: madeControl(task.image, task.control) }
    } catch (error) {
      answer = { id, problem: problemOf(error) }
    }
    postMessage(answer)
  })
})
