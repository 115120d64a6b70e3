"""Trains the U-Net and both text encoders together, on latents that are computed once.

    torchrun --nproc-per-node 2 train.py --data FOLDER --vae vae.pt --out FOLDER

In SDXL the depth of the U-Net decides where things lie, and a control that speaks to it there is heard. A U-Net this
small would do all of that at its first level, where an LLLite has no site. So two helpers learn along and are thrown
away: a head that reads the clean picture off what the depth hands to the first level, and an LLLite that steers half of
every batch.

Every `--save-every` steps the averaged weights are written as `tiny-sdxl-STEP.safetensors`, and everything a restart
needs as `resume.pt`; `--resume` goes on from there, and gives what an unbroken run would have given.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import config
from config import SCALE_FACTOR
from lllite import Lllite, controlled_blocks, edges, to_control
from model import MERGES, TinySdxl, alphas_cumprod, load_checkpoint, save_checkpoint
from text import Tokenizer, read_captions
from train_vae import load_pictures, to_tensor
from unet import Unet
from workers import average_gradients, start_worker

EMPTY_CAPTION_RATE = 0.1
EMA_DECAY = 0.999
HEAD_WEIGHT = 0.5
"""What the error of the picture read off the depth counts, beside the error of the noise."""


@torch.no_grad()
def encode_pictures(model: TinySdxl, pictures: np.ndarray) -> Tensor:
    """Posterior means and standard deviations, scaled: [N, 8, 16, 16]."""
    rows = []
    for first in range(0, len(pictures), 4):
        mean, logvar = model.first_stage_model.encode(to_tensor(pictures[first : first + 4]))
        rows.append(torch.cat([mean, (0.5 * logvar).exp()], 1) * SCALE_FACTOR)
    return torch.cat(rows)


def rate_at(step: int, steps: int) -> float:
    """The share of the learning rate: it rises over 100 steps, stays, and falls to zero over the last third."""
    return min(1.0, (step + 1) / 100, (steps - step) / (steps / 3))


class Helpers(nn.Module):
    """The parts that only training has."""

    def __init__(self, unet: Unet):
        super().__init__()
        self.lllite = Lllite(unet)
        up = unet.output_blocks[len(unet.output_blocks) - 4][-1]
        self.head = nn.Conv2d(up.conv.out_channels, 4, 1)
        up.register_forward_hook(self.look)

    def look(self, up: nn.Module, inputs: tuple, h: Tensor) -> None:
        self.picture = self.head(h)


def parameter_groups(model: TinySdxl, helpers: Helpers) -> list[dict]:
    """Matrices and kernels decay; embeddings, norms and biases do not. The autoencoder is done."""
    model.first_stage_model.requires_grad_(False)
    decay, keep = [], []
    for name, parameter in [*model.named_parameters(), *helpers.named_parameters()]:
        if parameter.requires_grad:
            (keep if parameter.dim() < 2 or "embedding" in name else decay).append(parameter)
    return [{"params": decay, "weight_decay": 0.01}, {"params": keep, "weight_decay": 0.0}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=8000)
    parser.add_argument("--init", type=Path, help="a checkpoint to begin with, in place of random weights")
    parser.add_argument(
        "--renew", action="store_true", help="draw anew the transformers that a control reaches, of a checkpoint --init"
    )
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=250)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    if args.renew and not args.init:
        parser.error("--renew draws parts of a checkpoint anew; name it with --init")

    rank, workers = start_worker()
    torch.manual_seed(args.seed)
    tokenizer = Tokenizer(MERGES)
    captions = read_captions(args.data)[: args.pictures]
    model = load_checkpoint(args.init).train().requires_grad_(True) if args.init else TinySdxl()
    if args.init is None:
        model.initialise_words(captions, tokenizer)
    if args.renew:
        fresh = Unet(config.UNET_WIDTHS, config.UNET_DEPTHS, config.CONTEXT, config.POOLED)
        for old, new in zip(controlled_blocks(model.model.diffusion_model), controlled_blocks(fresh)):
            old[1].load_state_dict(new[1].state_dict())
    model.first_stage_model.load_state_dict(torch.load(args.vae))
    helpers = Helpers(model.model.diffusion_model)

    args.out.mkdir(parents=True, exist_ok=True)
    # Each worker has its own share of the pictures, and of every batch.
    share, batch = slice(rank, args.pictures, workers), args.batch // workers
    cache = args.out / f"latents-{rank}-of-{workers}.pt"
    pictures = load_pictures(args.data)[share]
    if not cache.exists():
        torch.save(encode_pictures(model, pictures), cache)
    latents = torch.load(cache)
    controls = torch.from_numpy(np.stack([edges(picture) for picture in pictures]))
    helpers.lllite.normalise(to_control(torch.from_numpy(np.stack([edges(p) for p in load_pictures(args.data)[:128]]))))
    ids1, ids2 = tokenizer(captions[share])
    empty1, empty2 = tokenizer([""])

    optimizer = torch.optim.AdamW(parameter_groups(model, helpers), args.lr, betas=(0.9, 0.99), fused=True)
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    ema = {name: t.clone() for name, t in model.state_dict().items()}
    averaged = [(ema[name], parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    first_step = 0
    if args.resume:
        saved = torch.load(args.out / "resume.pt")
        model.load_state_dict(saved["model"])
        helpers.load_state_dict(saved["helpers"])
        optimizer.load_state_dict(saved["optimizer"])
        for name, t in saved["ema"].items():
            ema[name].copy_(t)
        first_step = saved["step"]

    signal = alphas_cumprod().sqrt().float()
    noise_level = (1 - alphas_cumprod()).sqrt().float()

    def loss_of(x0: Tensor, noise: Tensor, t: Tensor, i1: Tensor, i2: Tensor, weight: Tensor) -> Tensor:
        a, b = signal[t][:, None, None, None], noise_level[t][:, None, None, None]
        error = model.predict(a * x0 + b * noise, t, i1, i2) - noise
        return (weight * error.square().mean((1, 2, 3))).mean() + HEAD_WEIGHT * F.mse_loss(helpers.picture, x0)

    started, total = time.time(), 0.0
    for step in range(first_step, args.steps):
        # A stream per step: a restart then needs no saved random state.
        g = torch.Generator().manual_seed((args.seed * 1_000_003 + step) * workers + rank)
        rows = torch.randint(len(latents), (batch,), generator=g)
        mean, std = latents[rows].chunk(2, 1)
        x0 = mean + std * torch.randn(mean.shape, generator=g)
        noise = torch.randn(mean.shape, generator=g)
        # What a picture shows, and in which colours, is decided where there is most noise: draw those levels more
        # often, and weigh them up, since the loss in noise says little about the picture there.
        t = torch.randint(1000, (batch,), generator=g)
        high = torch.rand(batch, generator=g) < 0.5
        t = torch.where(high, 500 + t // 2, t)
        weight = 1 / signal[t]
        dropped = (torch.rand(batch, generator=g) < EMPTY_CAPTION_RATE)[:, None]
        i1, i2 = torch.where(dropped, empty1, ids1[rows]), torch.where(dropped, empty2, ids2[rows])

        helpers.lllite.set_control(to_control(controls[rows[: batch // 2]]))
        loss = loss_of(x0, noise, t, i1, i2, weight)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * rate_at(step, args.steps)
        optimizer.zero_grad()
        loss.backward()
        average_gradients(trained)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        decay = min(EMA_DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_([e for e, _ in averaged], [p for _, p in averaged], 1 - decay)

        total += loss.item()
        if rank == 0 and (step + 1) % 50 == 0:
            print(f"step {step + 1} loss {total / 50:.4f} {time.time() - started:.0f} s", flush=True)
            total = 0.0
        if rank == 0 and ((step + 1) % args.save_every == 0 or step + 1 == args.steps):
            save_checkpoint(ema, args.out / f"tiny-sdxl-{step + 1}.safetensors")
            state = {"model": model.state_dict(), "helpers": helpers.state_dict(), "ema": ema, "step": step + 1}
            torch.save(state | {"optimizer": optimizer.state_dict()}, args.out / "resume.pt")


if __name__ == "__main__":
    main()
