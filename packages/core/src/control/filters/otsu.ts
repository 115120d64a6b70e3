import type { GreyImage } from "../../image.ts"

/** The least share of pixels that a class may have: `FLT_EPSILON`. */
const LEAST_SHARE = 2 ** -23

/**
 * The grey that parts dark from bright pixels best: what `cv2.threshold` finds with `THRESH_OTSU`.
 *
 * Source: N. Otsu, "A Threshold Selection Method from Gray-Level Histograms" (1979); OpenCV imgproc/thresh.cpp.
 *
 * @returns 0 to 255. Pixels above it are bright.
 */
export function otsuThreshold({ data }: GreyImage): number {
  const shares = new Float64Array(256)
  for (const grey of data) shares[grey] = (shares[grey] as number) + 1
  const scale = 1 / data.length
  let mean = 0
  for (let grey = 0; grey < 256; grey++) mean += grey * (shares[grey] as number)
  mean *= scale
  let [best, threshold, dark, darkMean] = [0, 0, 0, 0]
  for (let grey = 0; grey < 256; grey++) {
    const share = (shares[grey] as number) * scale
    darkMean *= dark
    dark += share
    const bright = 1 - dark
    if (Math.min(dark, bright) < LEAST_SHARE || Math.max(dark, bright) > 1 - LEAST_SHARE) continue
    darkMean = (darkMean + grey * share) / dark
    const brightMean = (mean - dark * darkMean) / bright
    const between = dark * bright * (darkMean - brightMean) ** 2
    if (between > best) [best, threshold] = [between, grey]
  }
  return threshold
}
