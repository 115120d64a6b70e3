#!/usr/bin/env python3
"""SDXL's U-Net in PyTorch, as the sections `unet` and `train` have it here: weights are made up.

  python3 torch_unet.py --dtype f16|bf16 [--quick] [--runs 3] [--latent 128]

Needs torch and diffusers. Prints one line of JSON as each figure comes: seconds are the median of --runs after one that
warms up, and peakGiB is the most memory that PyTorch held on the card meanwhile, weights included. The training step
computes an LLLite's gradients on 136 sites, with gradient checkpointing ("recompute") and without. --quick takes a U-Net
of a tenth of the width, on the CPU where there is no card.
"""

import argparse
import json
import os
import statistics
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--dtype", choices=["f16", "bf16"], default="f16")
parser.add_argument("--latent", type=int, default=128)
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()


def write(**row):
    print(json.dumps({key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}), flush=True)


def first_line(error):
    return str(error).split("\n")[0]


# What is carried comes last: a package that this Python has already is the one that is taken.
if "LLLITE_CARD_SITE" in os.environ:
    sys.path.append(os.environ["LLLITE_CARD_SITE"])
try:
    import torch
    from torch import nn
except ImportError as error:
    write(skipped=f"there is no PyTorch for this Python: {first_line(error)}")
    raise SystemExit(0)
try:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
except ImportError as error:
    write(skipped=f"there is no diffusers for this Python: {first_line(error)}")
    raise SystemExit(0)
has_card = torch.cuda.is_available()
if not has_card and not options.quick:
    write(skipped=f"PyTorch {torch.__version__} sees no card")
    raise SystemExit(0)

device = "cuda" if has_card else "cpu"
dtype = {"f16": torch.float16, "bf16": torch.bfloat16}[options.dtype]
latent = 16 if options.quick else options.latent


def synchronize():
    if has_card:
        torch.cuda.synchronize()


def timed(what, work, **more):
    """Writes the median seconds of some work and its peak of memory; a lack of memory is a row, not an end."""
    try:
        if has_card:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        times = []
        for _ in range(options.runs + 1):
            synchronize()
            since = time.perf_counter()
            work()
            synchronize()
            times.append(time.perf_counter() - since)
        peak = {"peakGiB": torch.cuda.max_memory_allocated() / 2**30} if has_card else {}
        seconds = statistics.median(times[1:])
        rate = {"tflops": more.pop("flop") / seconds / 1e12} if "flop" in more else {}
        write(what=what, seconds=seconds, **rate, **peak, **more)
    except torch.cuda.OutOfMemoryError as error:
        write(what=what, outOfMemory=first_line(error), **more)


def kernels():
    """What the card's own libraries reach: the ceiling of what kernels of ours may reach."""

    def new(*shape):
        return torch.randn(*shape, device=device, dtype=dtype)

    repeats = 1 if options.quick else 20
    side = 128 if options.quick else 4096

    def repeated(work):
        return lambda: [work() for _ in range(repeats)]

    a, b = new(side, side), new(side, side)
    timed(f"product {side}³, {repeats} times", repeated(lambda: a @ b), flop=repeats * 2 * side**3)
    rows = 64 if options.quick else 4096
    x, weight = new(rows, 640), new(5120, 640)
    timed(f"linear {rows}×640 → 5120, {repeats} times", repeated(lambda: nn.functional.linear(x, weight)), flop=repeats * 2 * rows * 640 * 5120)
    picture, filters = new(1, 320, latent, latent), new(320, 320, 3, 3)
    picture = picture.to(memory_format=torch.channels_last)
    filters = filters.to(memory_format=torch.channels_last)
    timed(
        f"convolution 3×3 {latent}×{latent}×320 → 320, {repeats} times",
        repeated(lambda: nn.functional.conv2d(picture, filters, padding=1)),
        flop=repeats * 18 * latent**2 * 320 * 320,
    )
    q, k, v = (new(1, 10, rows, 64) for _ in range(3))
    attention = nn.functional.scaled_dot_product_attention
    timed(f"attention {rows} tokens, 10 heads of 64, {repeats} times", repeated(lambda: attention(q, k, v)), flop=repeats * 4 * rows**2 * 640)


class LLLite(nn.Module):
    """Before a layer: y = layer(x + up(relu(mid([condition, relu(down(x))]))))."""

    def __init__(self, host, depth, cond_dim=32, mlp_dim=64):
        super().__init__()
        half = cond_dim // 2
        layers = [nn.Conv2d(3, half, 4, 4), nn.ReLU()]
        if depth == 2:
            layers += [nn.Conv2d(half, cond_dim, 4, 4)]
        else:
            layers += [nn.Conv2d(half, half, 4, 4), nn.ReLU(), nn.Conv2d(half, cond_dim, 2, 2)]
        self.conditioning = nn.Sequential(*layers)
        self.down = nn.Linear(host.in_features, mlp_dim)
        self.mid = nn.Linear(mlp_dim + cond_dim, mlp_dim)
        self.up = nn.Linear(mlp_dim, host.in_features)
        self.original = host.forward
        self.condition = None
        host.forward = self.forward

    def set(self, control):
        self.condition = self.conditioning(control).flatten(2).transpose(1, 2)

    def forward(self, x):
        if self.condition is None:
            return self.original(x)
        hidden = torch.cat([self.condition, torch.relu(self.down(x))], -1)
        return self.original(x + self.up(torch.relu(self.mid(hidden))))


def hosts(unet):
    """The 136 layers that an LLLite stands before by default, and how deep its conditioner is there."""
    for index, block in enumerate([*unet.down_blocks, unet.mid_block]):
        for transformer in getattr(block, "attentions", []):
            for each in transformer.transformer_blocks:
                for host in (each.attn1.to_q, each.attn1.to_k, each.attn1.to_v, each.attn2.to_q):
                    yield host, 2 if index == 1 else 3


def make_unet():
    channels, context, pooled, depth = ((320, 640, 1280), 2048, 1280, (1, 2, 10))
    if options.quick:
        channels, context, pooled, depth = ((32, 64, 128), 64, 40, (1, 2, 2))
    since = time.perf_counter()
    with torch.device(device):
        unet = UNet2DConditionModel(
            sample_size=128,
            in_channels=4,
            out_channels=4,
            block_out_channels=channels,
            layers_per_block=2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=depth,
            attention_head_dim=tuple(max(1, width // 64) for width in channels),
            cross_attention_dim=context,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=pooled + 1536,
        ).requires_grad_(False)
    synchronize()
    parameters = sum(weights.numel() for weights in unet.parameters())
    write(what="made", seconds=time.perf_counter() - since, parameters=parameters, latent=latent, dtype=options.dtype)
    return unet, context, pooled


def main():
    name = torch.cuda.get_device_name() if has_card else "CPU"
    write(torch=torch.__version__, cuda=torch.version.cuda, card=name)
    with torch.no_grad():
        kernels()
    torch.set_default_dtype(dtype)
    unet, context_width, pooled = make_unet()

    def new(*shape):
        return torch.randn(*shape, device=device, dtype=dtype)

    x, context = new(1, 4, latent, latent), new(1, 77, context_width)
    control, target = new(1, 3, 8 * latent, 8 * latent), new(1, 4, latent, latent)
    timestep = torch.full((1,), 500, device=device)
    ids = torch.tensor([[1024, 1024, 0, 0, 1024, 1024]], device=device, dtype=dtype)
    added = {"text_embeds": new(1, pooled), "time_ids": ids}

    def forward():
        return unet(x, timestep, context, added_cond_kwargs=added).sample

    with torch.no_grad():
        timed("forward", forward)
    adapters = nn.ModuleList([LLLite(host, depth) for host, depth in hosts(unet)]).to(device)

    def set_all():
        for adapter in adapters:
            adapter.set(control)

    with torch.no_grad():
        # The control's share is computed once for a picture.
        set_all()
        timed("forward with LLLite", forward, sites=len(adapters))
    optimizer = torch.optim.AdamW(adapters.parameters(), lr=1e-4)
    unet.train()

    def step():
        optimizer.zero_grad()
        set_all()
        nn.functional.mse_loss(forward().float(), target.float()).backward()
        optimizer.step()

    unet.enable_gradient_checkpointing()
    timed("training step", step, recompute=True)
    unet.disable_gradient_checkpointing()
    timed("training step", step, recompute=False)


main()
