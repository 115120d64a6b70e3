"""Measures a checkpoint: does it draw what the prompt says, and what does the autoencoder leave of the edges?

    python evaluate.py CHECKPOINT --data HELD_OUT_FOLDER --out FOLDER

50 held-out captions, two seeds each, sampled with Euler from the float16 weights and judged by `judge.ts`.
"""

import argparse
import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from config import SCALE_FACTOR, SIZE
from model import MERGES, TinySdxl, alphas_cumprod, load_checkpoint
from text import Tokenizer, read_captions
from train_vae import load_pictures, to_tensor

HERE = Path(__file__).parent


def to_bytes(x: Tensor) -> np.ndarray:
    """[N, 3, H, W] in [-1, 1] -> [N, H, W, 3] bytes"""
    return ((x / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


@torch.no_grad()
def sample(
    model: TinySdxl, tokenizer: Tokenizer, prompts: list[str], noise: Tensor, steps: int, guidance: float
) -> Tensor:
    """Euler over evenly spaced timesteps from 999 down, with classifier-free guidance. -> latents, scaled"""
    sigmas = ((1 - alphas_cumprod()) / alphas_cumprod()).sqrt().float()
    timesteps = torch.linspace(999, 0, steps).round().long()
    ladder = torch.cat([sigmas[timesteps], torch.zeros(1)])
    conditioned, empty = model.embed(*tokenizer(prompts)), model.embed(*tokenizer([""] * len(prompts)))
    context, vector = (torch.cat(pair) for pair in zip(conditioned, empty))
    x = noise * (ladder[0] ** 2 + 1).sqrt()
    for timestep, sigma, following in zip(timesteps, ladder, ladder[1:]):
        scaled = x / (sigma**2 + 1).sqrt()
        both = torch.cat([scaled, scaled])
        wanted, plain = model.model.diffusion_model(both, timestep.expand(len(both)), context, vector).chunk(2)
        x = x + (plain + guidance * (wanted - plain)) * (following - sigma)
    return x


@torch.no_grad()
def decode(model: TinySdxl, latents: Tensor) -> np.ndarray:
    return np.concatenate([to_bytes(model.first_stage_model.decode(z / SCALE_FACTOR)) for z in latents.split(10)])


def edge_f1(a: np.ndarray, b: np.ndarray, tolerance: float = 2) -> float:
    """F1 of two pictures' Canny edges (100, 200), a pixel counting as found within `tolerance` pixels."""
    edges = [cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 100, 200) > 0 for picture in (a, b)]
    if not (edges[0].any() and edges[1].any()):
        return 0.0
    away = [cv2.distanceTransform((~e).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for e in edges]
    precision = float((away[0][edges[1]] <= tolerance).mean())
    recall = float((away[1][edges[0]] <= tolerance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def judge(folder: Path, pictures: np.ndarray, captions: list[str], node: str) -> list[dict]:
    folder.mkdir(parents=True, exist_ok=True)
    pictures.tofile(folder / "pictures.u8")
    (folder / "captions.jsonl").write_text("".join(json.dumps(c) + "\n" for c in captions))
    lines = subprocess.run([node, HERE / "judge.ts", folder], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--node", default="node")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=1.5)
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    model, tokenizer = load_checkpoint(args.checkpoint), Tokenizer(MERGES)
    drawn, captions = load_pictures(args.data)[: args.prompts], read_captions(args.data)[: args.prompts]

    restored = np.concatenate(
        [
            to_bytes(model.first_stage_model.decode(model.first_stage_model.encode(to_tensor(p))[0]))
            for p in np.array_split(drawn, 5)
        ]
    )
    f1 = np.mean([edge_f1(a, b) for a, b in zip(drawn, restored)])
    recognised = sum(row["right"] for row in judge(args.out / "restored", restored, captions, args.node))
    print(f"autoencoder: edge F1 {f1:.3f}, {recognised} of {len(captions)} pictures judged right after the round trip")

    pictures, prompts = [], []
    for seed in range(args.seeds):
        noise = torch.randn(len(captions), 4, SIZE // 8, SIZE // 8, generator=torch.Generator().manual_seed(seed))
        for chunk, part in zip(torch.arange(len(captions)).split(10), noise.split(10)):
            latents = sample(model, tokenizer, [captions[i] for i in chunk], part, args.steps, args.guidance)
            pictures.append(decode(model, latents))
        prompts += captions
    rows = judge(args.out / "generated", np.concatenate(pictures), prompts, args.node)
    for row in rows:
        if not row["right"]:
            seen = ", ".join(f"{s['size']} {s['colour']} {s['kind']} ({s['overlap']:.2f})" for s in row["found"])
            print(f"  {row['caption']}: {seen or 'nothing'}")
    single = [row for row in rows if " and " not in row["caption"]]
    double = [row for row in rows if " and " in row["caption"]]
    for name, part in (("one shape", single), ("two shapes", double), ("all", rows)):
        right, sized = sum(row["right"] for row in part), sum(row["sizesRight"] for row in part)
        print(f"{name}: {right} of {len(part)} right, {sized} in the right sizes too")


if __name__ == "__main__":
    main()
