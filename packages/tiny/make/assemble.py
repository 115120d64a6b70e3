"""Joins a trained U-Net and text encoders with the finished autoencoder into the checkpoint that is shipped.

python assemble.py tiny-sdxl-STEP.safetensors decoder.pt ../model/tiny-sdxl.safetensors
"""

import argparse
from pathlib import Path

import torch

from model import load_checkpoint, save_checkpoint

LIMIT = 20 * 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("vae", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()

    model, vae = load_checkpoint(args.checkpoint), torch.load(args.vae)
    for name, trained in model.first_stage_model.state_dict().items():
        encodes = name.startswith(("encoder.", "quant_conv."))
        if encodes and not torch.equal(trained.half(), vae[name].half()):
            raise ValueError(f"{args.vae}: {name} is not what the U-Net was trained with; only the decoder may differ")
    model.first_stage_model.load_state_dict(vae)
    save_checkpoint(model.state_dict(), args.out)
    size = args.out.stat().st_size
    if size > LIMIT:
        raise ValueError(f"{args.out} has {size} bytes, more than the {LIMIT} it may have")
    print(f"{args.out}: {size} bytes, {len(model.state_dict())} tensors")


if __name__ == "__main__":
    main()
