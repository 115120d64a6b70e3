// Whether the driver's float16 is right: products whose float16 weights stay in 16 bits, against float64, with Dawn's toggles
// for it. If it is, tuning says whether it is faster.
import { checkHalf, tuneProducts } from "../../../packages/webgpu/dist/index.js"
import { TOGGLES } from "../gpu.mjs"

export async function run({ quick, start, write }) {
  const { device, matrices, description } = await start(TOGGLES)
  const float16 = device.features.has("shader-f16")
  // Dawn's objects have no JSON.
  const sizes = matrices.map(({ M, N, K }) => ({ M, N, K }))
  write({ driver: description, toggles: TOGGLES, float16, matrices: sizes })
  if (!float16) return
  const problem = await checkHalf()
  write({ check: "products with float16 weights", ok: problem === null, problem })
  // In software, tuning takes minutes and is of no use.
  if (!quick && problem === null) write({ tuned: await tuneProducts() })
}
