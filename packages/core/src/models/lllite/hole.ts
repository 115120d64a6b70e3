import { CoreError } from "../../errors.ts"
import type { GreyImage, RgbImage } from "../../image.ts"
import { imageToFloats } from "../../image.ts"
import type { ControlImages } from "./conditioner.ts"

/** Brightness from which a pixel belongs to a hole. */
const WHITE = 128

/**
 * A control with its hole as the fourth channel: 1 where it is white, and -1 elsewhere. The picture is hidden there: its
 * values are 0, a middle grey.
 *
 * Source: sd-scripts, LLLites for Anima with `cond_in_channels` 4 and `inpaint_masked_input`.
 *
 * @returns [1, height, width, 4]
 * @throws CoreError when the hole has another size than the control
 */
export function withHole(control: RgbImage, hole: GreyImage): ControlImages & { readonly channels: 4 } {
  const { width, height } = control
  if (hole.width !== width || hole.height !== height) {
    throw new CoreError(
      "control-size",
      `control image: the hole is ${hole.width}×${hole.height} px, the control ${width}×${height}. Resize the hole.`,
    )
  }
  const picture = imageToFloats(control)
  const data = new Float32Array(width * height * 4)
  for (let i = 0; i < width * height; i++) {
    const isHole = (hole.data[i] as number) >= WHITE
    data[4 * i + 3] = isHole ? 1 : -1
    if (!isHole) data.set(picture.subarray(3 * i, 3 * i + 3), 4 * i)
  }
  return { count: 1, width, height, channels: 4, data }
}
