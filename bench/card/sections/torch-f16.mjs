// PyTorch's U-Net in float16.
import { runTorch } from "../torch.mjs"

export const run = (context) => runTorch("f16", context)
