"""SDXL's U-Net in PyTorch, for compare-unet.mjs: a forward pass, one with an LLLite on 136 sites, and training steps.

  python3 torch_unet.py [--latent 32] [--batch 1] [--dtype f32|bf16] [--runs 3] [--tiny] [--no-train]

Needs torch and diffusers. Weights are made up. A training step runs with gradient checkpointing ("Recompute") and
without. Prints one line of JSON: medians of --runs runs after one that warms up, in wall seconds and CPU seconds, and
the peak memory of the process before and after each kind of step.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from diffusers import UNet2DConditionModel
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--latent", type=int, default=32)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--tiny", action="store_true")
parser.add_argument("--no-train", action="store_true")
options = parser.parse_args()
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[options.dtype]
torch.set_default_dtype(dtype)
batch, latent = options.batch, options.latent
channels, context_dim, pooled, depth = ((32, 64, 128), 64, 40, (1, 2, 2)) if options.tiny else ((320, 640, 1280), 2048, 1280, (1, 2, 10))


class LLLite(nn.Module):
    """host(x + up(relu(mid(cat(embedding, relu(down(x)))))))"""

    def __init__(self, host, level, cond=32, mlp=64):
        super().__init__()
        half = cond // 2
        last = [nn.Conv2d(half, cond, 4, 4)] if level == 1 else [nn.Conv2d(half, half, 4, 4), nn.ReLU(), nn.Conv2d(half, cond, 2, 2)]
        self.conditioning = nn.Sequential(nn.Conv2d(3, half, 4, 4), nn.ReLU(), *last)
        self.down, self.mid = nn.Linear(host.in_features, mlp), nn.Linear(mlp + cond, mlp)
        self.up = nn.Linear(mlp, host.in_features)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.host = [host.forward]
        self.embedding = None
        host.forward = self.forward

    def embed(self, image):
        self.embedding = self.conditioning(image).flatten(2).transpose(1, 2)

    def forward(self, x):
        if self.embedding is not None:
            x = x + self.up(torch.relu(self.mid(torch.cat([self.embedding, torch.relu(self.down(x))], -1))))
        return self.host[0](x)


unet = UNet2DConditionModel(
    sample_size=128,
    block_out_channels=channels,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    transformer_layers_per_block=depth,
    attention_head_dim=tuple(max(1, width // 64) for width in channels),
    cross_attention_dim=context_dim,
    use_linear_projection=True,
    addition_embed_type="text_time",
    addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=pooled + 1536,
).requires_grad_(False)
latents, text = torch.randn(batch, 4, latent, latent), torch.randn(batch, 77, context_dim)
image = torch.randn(batch, 3, 8 * latent, 8 * latent)
conditions = {"text_embeds": torch.randn(batch, pooled), "time_ids": torch.full((batch, 6), 1024.0)}
out = {"library": f"PyTorch {torch.__version__}", "dtype": options.dtype, "latent": latent, "batch": batch}


def forward():
    return unet(latents, torch.full((batch,), 500), text, added_cond_kwargs=conditions).sample


def timed(name, run):
    wall, cpu = [], []
    for _ in range(options.runs + 1):
        start, used = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    out[name], out[f"{name}Cpu"] = statistics.median(wall[1:]), statistics.median(cpu[1:])


def peak(name):
    out[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def with_adapters():
    for adapter in adapters:
        adapter.embed(image)
    return forward()


def step():
    optimizer.zero_grad()
    nn.functional.mse_loss(with_adapters().float(), target.float()).backward()
    optimizer.step()


with torch.no_grad():
    timed("forward", forward)
hosts = [
    (layer, level)
    for level, block in enumerate([*unet.down_blocks, unet.mid_block])
    for transformer in getattr(block, "attentions", [])
    for inner in transformer.transformer_blocks
    for layer in (inner.attn1.to_q, inner.attn1.to_k, inner.attn1.to_v, inner.attn2.to_q)
]
adapters = nn.ModuleList([LLLite(host, level) for host, level in hosts])
with torch.no_grad():
    for adapter in adapters:
        adapter.embed(image)
    timed("forwardLllite", forward)
peak("peakRssGiB")
if not options.no_train:
    optimizer, target = torch.optim.AdamW(adapters.parameters(), lr=1e-4), torch.randn_like(latents)
    unet.train()
    unet.enable_gradient_checkpointing()
    timed("trainStepRecompute", step)
    peak("peakRssGiBTrainRecompute")
    unet.disable_gradient_checkpointing()
    timed("trainStep", step)
    peak("peakRssGiBTrain")
print(json.dumps({name: round(value, 4) if isinstance(value, float) else value for name, value in out.items()}))
