import type { RgbImage } from "../../src/image.ts"
import type { RuntimeCase } from "./case.ts"
import { loaded, refused } from "./case.ts"
import { draw, lines, picture, SIDE, same, stars } from "./pictures.ts"
import { train } from "./trainings.ts"

/** Cases of pictures, their order and their steps. */
export const GENERATING: readonly RuntimeCase[] = [
  loaded("makes pictures in their order, with every step of every batch before", async ({ sdxl, expect }) => {
    const events: string[] = []
    let done = 0
    for await (const event of sdxl.generate(stars, { ...picture, batchSize: 1 })) {
      if (event.kind === "image") {
        events.push(`image ${event.index} of seed ${event.seed}`)
        expect(event.image.width === SIDE && event.image.height === SIDE, "a picture has another size")
      } else if (event.kind === "notice") {
        events.push(event.text)
      } else if (event.kind === "step") {
        expect(event.done > done && event.done <= event.count, `done went from ${done} to ${event.done}`)
        expect(event.count === 3 && event.previews.length === 0, "a step has wrong fields")
        done = event.done
        events.push(`step ${event.step} of ${event.steps} of ${event.first}`)
      }
    }
    const images = events.filter((event) => event.startsWith("image"))
    expect(images.join() === "image 0 of seed 1,image 1 of seed 2,image 2 of seed 3", `pictures came as ${images}`)
    for (const first of [0, 1, 2]) {
      const own = events.filter((event) => event.endsWith(` of ${first}`) || event.startsWith(`image ${first} `))
      expect(
        own.join() === `step 1 of 2 of ${first},step 2 of 2 of ${first},image ${first} of seed ${first + 1}`,
        `batch ${first} went ${own}`,
      )
    }
    expect(done === 3, `${done} of 3 were done at the end`)
  }),

  loaded("says what is not read of prompts, once, before the first step", async ({ sdxl, expect }) => {
    const requests = stars.map((request) => ({ ...request, prompt: "a {red|blue} (star:1.5)" }))
    const events: string[] = []
    for await (const event of sdxl.generate(requests, { ...picture, batchSize: 1 })) {
      events.push(event.kind === "notice" ? event.text : event.kind)
    }
    const [weights, alternatives, next] = events
    expect(weights?.includes('read as weights: "star" 1.5') === true, `the first event is ${weights}`)
    expect(alternatives?.includes('"{red|blue}". It is not followed') === true, `the second event is ${alternatives}`)
    expect(next === "step" && !events.slice(2).some((event) => event.includes(" ")), `events came as ${events}`)
  }),

  loaded("makes every picture the same alone and in batches of any size", async ({ sdxl, expect }) => {
    const together = await draw(sdxl, stars, picture)
    const apart = await draw(sdxl, stars, { ...picture, batchSize: 2 })
    const alone = await draw(sdxl, stars.slice(1, 2), picture)
    expect(!same(together[0], together[1]), "two seeds gave one picture")
    expect(
      together.every((image, i) => same(image, apart[i])),
      "a batch of two made other pictures",
    )
    expect(same(together[1], alone[0]), "a picture alone is another one")
  }),

  loaded("starts every picture from its own, under one mask, the same alone", async ({ sdxl, expect }) => {
    const images = [lines(4), lines(28), lines(52)]
    const mask = { width: 2, height: 1, data: Uint8Array.of(0, 255) }
    const options = (image: readonly RgbImage[]) => ({ ...picture, start: { image, mask, strength: 0.5 } })
    const together = await draw(sdxl, stars, { ...options(images), batchSize: 2 })
    const alone = await draw(sdxl, stars.slice(2), options(images.slice(2)))
    expect(same(together[2], alone[0]), "a picture alone is another one")
    const other = await draw(sdxl, stars.slice(2), options(images.slice(0, 1)))
    expect(!same(other[0], alone[0]), "another start made the same picture")
  }),

  loaded("draws in two stages, and gives the pictures of the first", async ({ sdxl, expect }) => {
    const sides: string[] = []
    const options = { ...picture, hires: { scale: 0.5, steps: 1, strength: 0.5 }, firstStage: true, batchSize: 1 }
    for await (const event of sdxl.generate(stars.slice(0, 2), options)) {
      if (event.kind === "image" || event.kind === "first-stage") {
        sides.push(`${event.kind} ${event.index} ${event.image.width}`)
      }
    }
    const wanted = [0, 1].flatMap((i) => [`first-stage ${i} ${SIDE / 2}`, `image ${i} ${SIDE}`])
    expect(sides.sort().join() === wanted.sort().join(), `pictures came as ${sides}`)
  }),

  loaded("decodes an estimate of every picture at every step with previews", async ({ sdxl, expect }) => {
    const counts: number[] = []
    for await (const event of sdxl.generate(stars.slice(0, 2), { ...picture, previews: true })) {
      if (event.kind === "step") counts.push(event.previews.filter(({ width }) => width === SIDE).length)
    }
    expect(counts.join() === "2,2", `previews came as ${counts}`)
  }),

  loaded("keeps two models apart, each until it is disposed", async ({ runtime, sdxl, subject, expect }) => {
    const other = await runtime.loadSdxl(subject.checkpoint, { vae: subject.otherVae })
    const [first, second] = [
      await draw(sdxl, stars.slice(0, 1), picture),
      await draw(other, stars.slice(0, 1), picture),
    ]
    expect(!same(first[0], second[0]), "both models draw the same picture")
    const [again] = await draw(sdxl, stars.slice(0, 1), picture)
    expect(same(first[0], again), "the first model draws another picture after the second was loaded")
    const before = await runtime.memory()
    await other.dispose()
    await other.dispose()
    expect((await runtime.memory()).bytes < before.bytes, "disposing freed no memory")
    await refused(expect, subject, () => draw(other, stars.slice(0, 1), picture), /was disposed/)
    await refused(expect, subject, () => train(other, subject), /was disposed/)
    expect(
      same(first[0], (await draw(sdxl, stars.slice(0, 1), picture))[0]),
      "the other model draws another picture now",
    )
  }),
]
