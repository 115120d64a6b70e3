// PyTorch's U-Net in bfloat16.
import { runTorch } from "../torch.mjs"

export const run = (context) => runTorch("bf16", context)
