"""Trains the autoencoder, on 64-pixel crops and then on whole pictures, and normalises its latents.

    torchrun --nproc-per-node 2 train_vae.py --data FOLDER --out crops.pt
    torchrun --nproc-per-node 2 train_vae.py --data FOLDER --out vae.pt --init crops.pt \
        --crop 128 --batch 2 --steps 260 --lr 5e-4 --mse 2 --kl 1e-6
    python train_vae.py --data FOLDER --out decoder.pt --init vae.pt --decoder-only \
        --crop 128 --batch 2 --steps 350 --lr 6e-4 --mse 4 --seed 2

The last run keeps the latents as they are, so that it may be made beside or after the training of the U-Net.

Crops hold more ink, and more edges, for the same work; but a norm over one channel sees the share of ink in what it is
given, so that colours come out right only after some training on whole pictures.

L1 and MSE keep the flat colours right; the gradient loss keeps the edges, which are what a Canny control speaks of.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from config import SCALE_FACTOR, SIZE, VAE_WIDTHS
from vae import Vae
from workers import average_gradients, start_worker


def load_pictures(folder: Path) -> np.ndarray:
    """[count, 128, 128, 3] bytes, mapped and not read."""
    return np.memmap(folder / "pictures.u8", dtype=np.uint8, mode="r").reshape(-1, 128, 128, 3)


def to_tensor(pictures: np.ndarray) -> Tensor:
    """[N, H, W, 3] bytes -> [N, 3, H, W] in [-1, 1]"""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def crops(pictures: np.ndarray, side: int, count: int, rng: np.random.Generator) -> Tensor:
    """Random crops, each the fullest of three tries, since most of a picture is empty paper."""
    chosen = []
    for index in rng.integers(len(pictures), size=count):
        tries = []
        for y, x in rng.integers(SIZE - side + 1, size=(3, 2)):
            crop = pictures[index, y : y + side, x : x + side]
            tries.append((int((crop < 250).sum()), crop))
        chosen.append(max(tries, key=lambda pair: pair[0])[1])
    return to_tensor(np.stack(chosen))


def gradient_loss(a: Tensor, b: Tensor) -> Tensor:
    d = a - b
    return d.diff(dim=2).abs().mean() + d.diff(dim=3).abs().mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--mse", type=float, default=1.0, help="weight of the squared error beside L1 and gradients")
    parser.add_argument("--kl", type=float, default=1e-4, help="weight of the divergence from the normal distribution")
    parser.add_argument("--decoder-only", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rank, workers = start_worker()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, rank])
    pictures = load_pictures(args.data)
    vae = Vae(VAE_WIDTHS)
    if args.init:
        vae.load_state_dict(torch.load(args.init))
    if args.decoder_only:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    trained = [p for p in vae.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=args.lr, betas=(0.9, 0.99), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.steps, pct_start=0.1)

    def round_trip(x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, logvar = vae.encode(x)
        return vae.decode(mean + (0.5 * logvar).exp() * noise), mean, logvar

    started = time.time()
    for step in range(args.steps):
        x = crops(pictures, args.crop, args.batch // workers, rng)
        noise = torch.from_numpy(rng.standard_normal((len(x), 4, args.crop // 8, args.crop // 8), np.float32))
        y, mean, logvar = round_trip(x, noise)
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
        loss = F.l1_loss(y, x) + args.mse * F.mse_loss(y, x) + gradient_loss(y, x) + args.kl * kl
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(trained)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if rank == 0 and (step % 20 == 0 or step == args.steps - 1):
            error, seconds = F.mse_loss(y, x).item(), time.time() - started
            print(f"step {step} loss {loss.item():.4f} mse {error:.5f} kl {kl.item():.3f} {seconds:.0f} s", flush=True)

    if rank > 0:
        return
    if args.decoder_only:
        torch.save(vae.state_dict(), args.out)
        return
    with torch.no_grad():
        z = torch.cat([vae.encode(to_tensor(pictures[i : i + 8]))[0] for i in range(0, 512, 8)])
    # The factor that turns SDXL's latents into unit variance has to do the same here.
    vae.standardise(z.mean((0, 2, 3)), z.std((0, 2, 3)) * SCALE_FACTOR)
    torch.save(vae.state_dict(), args.out)


if __name__ == "__main__":
    main()
