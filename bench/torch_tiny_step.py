"""Training steps of an LLLite on the tiny SDXL in PyTorch, for tiny-step.mjs. Adapters, widths and sizes are the same.

  python3 torch_tiny_step.py [--batch 16] [--steps 40] [--threads 2]

Needs torch, safetensors and opencv. Weights are made up. Prints one line of JSON: CPU and wall seconds of a step, the
median of the steps after five that warm up. A step is a forward pass, the gradients of the LLLite, and AdamW. Texts and
latents are computed before, as both trainers keep them.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "tiny" / "make"))
import config  # noqa: E402
from lllite import Lllite  # noqa: E402
from unet import Unet  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
torch.set_num_threads(options.threads)
unet = Unet(config.UNET_WIDTHS, config.UNET_DEPTHS, config.CONTEXT, config.POOLED).requires_grad_(False)
lllite = Lllite(unet)
optimizer = torch.optim.AdamW(lllite.parameters(), lr=3e-3)
batch, side = options.batch, config.SIZE // 8
control = torch.rand(batch, 3, config.SIZE, config.SIZE) * 2 - 1
context, vector = torch.randn(batch, 77, config.CONTEXT), torch.randn(batch, config.POOLED + 1536)
wall, cpu = [], []
for _ in range(options.steps + 5):
    start, used = time.perf_counter(), time.process_time()
    latents, noise = torch.randn(2, batch, 4, side, side)
    lllite.set_control(control)
    given = unet(latents + noise, torch.randint(0, 1000, (batch,)), context, vector)
    optimizer.zero_grad()
    nn.functional.mse_loss(given, noise).backward()
    optimizer.step()
    wall.append(time.perf_counter() - start)
    cpu.append(time.process_time() - used)
print(json.dumps({"cpu": statistics.median(cpu[5:]), "wall": statistics.median(wall[5:])}))
