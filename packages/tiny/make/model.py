"""The whole checkpoint as one module, whose state dict has the names of a Stability SDXL file."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import config
from text import END, START, ClipText, OpenClipText, Tokenizer
from unet import Unet, sinusoids
from vae import Vae

MERGES = Path(__file__).parents[2] / "core" / "data" / "clip-merges.txt"

METADATA = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.architecture": "stable-diffusion-xl-v1-base",
    "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
    "modelspec.title": "LLLite tiny SDXL",
    "modelspec.description": "SDXL in miniature: draws one or two coloured shapes on white paper, 128 x 128.",
    "modelspec.license": "Apache-2.0",
    "modelspec.resolution": f"{config.SIZE}x{config.SIZE}",
    "modelspec.prediction_type": "epsilon",
}


def alphas_cumprod() -> Tensor:
    """SDXL's noise schedule, [1000], float64."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0)


class TinySdxl(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Module()
        self.model.diffusion_model = Unet(config.UNET_WIDTHS, config.UNET_DEPTHS, config.CONTEXT, config.POOLED)
        self.conditioner = nn.Module()
        self.conditioner.embedders = nn.ModuleList(
            [
                ClipText(config.TEXT_1_HIDDEN, config.TEXT_1_LAYERS, heads=1),
                OpenClipText(config.TEXT_2_HIDDEN, config.TEXT_2_LAYERS, heads=1),
            ]
        )
        self.first_stage_model = Vae(config.VAE_WIDTHS)

    def embed(self, ids1: Tensor, ids2: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids, [N, 77] each -> context, [N, 77, D], and vector, [N, pooled + 1536]."""
        first, second = self.conditioner.embedders
        hidden, pooled = second(ids2)
        size, crop = [config.SIZE, config.SIZE], [0, 0]
        sizes = sinusoids(torch.tensor(size + crop + size), 256).flatten().expand(len(ids1), -1)
        return torch.cat([first(ids1), hidden], -1), torch.cat([pooled, sizes], -1)

    def predict(self, latents: Tensor, timesteps: Tensor, ids1: Tensor, ids2: Tensor) -> Tensor:
        """The noise in `latents`, which are scaled and have unit variance with it. [N, 4, h, w]"""
        context, vector = self.embed(ids1, ids2)
        return self.model.diffusion_model(latents, timesteps, context, vector)

    def initialise_words(self, captions: list[str], tokenizer: Tokenizer) -> None:
        """
        Gives only the tokens of the captions an embedding. All others are zero and stay so, as no gradient reaches
        them: a word the model has never seen says nothing, and the file packs well.
        """
        used = sorted({0, START, END} | {i for c in set(captions) for word in c.split() for i in tokenizer.word(word)})
        first, second = self.conditioner.embedders
        with torch.no_grad():
            for table in (
                first.transformer.text_model.embeddings.token_embedding.weight,
                second.model.token_embedding.weight,
            ):
                rows = 0.5 * torch.randn(len(used), table.shape[1])
                table.zero_()
                table[used] = rows
            for positions in (
                first.transformer.text_model.embeddings.position_embedding.weight,
                second.model.positional_embedding,
            ):
                positions.normal_(0, 0.2)


def save_checkpoint(state: dict[str, Tensor], path: Path) -> None:
    """Writes a state dict as float16; whole numbers stay as they are."""
    half = {name: (t.half() if t.is_floating_point() else t).contiguous() for name, t in state.items()}
    for name, t in half.items():
        if t.is_floating_point() and not t.isfinite().all():
            raise ValueError(f"{name} holds values that float16 cannot")
    save_file(half, path, METADATA)


def load_checkpoint(path: Path) -> TinySdxl:
    """Reads a float16 checkpoint for float32 work."""
    model = TinySdxl()
    model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in load_file(path).items()})
    return model.eval().requires_grad_(False)
