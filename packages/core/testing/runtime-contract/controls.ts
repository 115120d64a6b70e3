import { controlPicture } from "../../src/generation/control-picture.ts"
import type { RgbImage } from "../../src/image.ts"
import type { RuntimeCase } from "./case.ts"
import { loaded, refused } from "./case.ts"
import { draw, lines, picture, same, stars } from "./pictures.ts"

/** A photo of another shape: two bright bands on grey. */
function photo(): RgbImage {
  const data = new Uint8Array(96 * 40 * 3).fill(90)
  data.fill(240, 96 * 10 * 3, 96 * 14 * 3)
  data.fill(200, 96 * 26 * 3, 96 * 30 * 3)
  return { width: 96, height: 40, data }
}

/** Cases of pictures that become controls. */
export const CONTROLS: readonly RuntimeCase[] = [
  loaded(
    "fits and preprocesses pictures before they steer, each of a batch its own",
    async ({ runtime, sdxl, subject, expect }) => {
      const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
      const preparation = { fit: "pad", preprocess: { kind: "canny", options: { low: 40, high: 90 } } } as const
      const pictures = [photo(), lines(40), lines(8)]
      const ready = pictures.map((image) => controlPicture(image, { width: 64, height: 64 }, preparation))
      const byRuntime = await draw(sdxl, stars, {
        ...picture,
        adapters: [{ adapter, control: pictures, ...preparation }],
      })
      const byHand = await draw(sdxl, stars, { ...picture, adapters: [{ adapter, control: ready }] })
      expect(
        byRuntime.every((image, i) => same(image, byHand[i])),
        "a control is prepared otherwise than by controlPicture",
      )
      const use = { adapter, control: photo() }
      const one = stars.slice(0, 1)
      await refused(
        expect,
        subject,
        () => draw(sdxl, one, { ...picture, adapters: [use] }),
        /96×40 px, the picture 64×64/,
      )
      const wrong = { ...use, preprocess: { kind: "canny", options: { low: -1 } } } as const
      await refused(expect, subject, () => draw(sdxl, one, { ...picture, adapters: [wrong] }), /low of canny is -1/)
    },
  ),
]
