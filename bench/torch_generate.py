"""A picture by diffusers from an SDXL checkpoint of one file, for end-to-end.mjs. It has the work of `lllite generate`.

  python3 torch_generate.py CHECKPOINT --out FILE.png [--size 256] [--steps 2] [--dtype f32|bf16]

Needs torch, diffusers, transformers and accelerate. Nothing is downloaded: sizes stand below, and the words are numbers
already. All parts of the checkpoint are in memory, loading included. Euler's method, guidance 7.5.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

parser = argparse.ArgumentParser()
parser.add_argument("checkpoint")
parser.add_argument("--out", required=True)
parser.add_argument("--size", type=int, default=256)
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
options = parser.parse_args()
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[options.dtype]

UNET = {
    "sample_size": 128,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "sample_size": 1024,
    "scaling_factor": 0.13025,
    "force_upcast": False,
}
TEXT = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12, "projection_dim": 768}
TEXT_2 = {
    **{"hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32},
    **{"projection_dim": 1280, "hidden_act": "gelu"},
}

checkpoint = load_file(options.checkpoint)
with tempfile.TemporaryDirectory() as folder:
    # Models on "meta" have no weights. They write the defaults of their configuration, too.
    with torch.device("meta"):
        UNet2DConditionModel(**UNET).save_config(Path(folder, "unet"))
        AutoencoderKL(**VAE).save_config(Path(folder, "vae"))
    for name, config in {"text_encoder": TEXT, "text_encoder_2": TEXT_2}.items():
        CLIPTextConfig(**config).save_pretrained(Path(folder, name))
    place = {"config": folder, "local_files_only": True}
    unet = UNet2DConditionModel.from_single_file(dict(checkpoint), subfolder="unet", torch_dtype=dtype, **place)
    vae = AutoencoderKL.from_single_file(dict(checkpoint), subfolder="vae", torch_dtype=dtype, **place)
    encoders = [
        create_diffusers_clip_model_from_ldm(kind, dict(checkpoint), subfolder=name, torch_dtype=dtype, **place)
        for name, kind in (("text_encoder", CLIPTextModel), ("text_encoder_2", CLIPTextModelWithProjection))
    ]
del checkpoint


def encode(*words):
    ids = torch.tensor([[49406, *words, *[49407] * (76 - len(words))]])
    given = [encoder(ids, output_hidden_states=True) for encoder in encoders]
    return torch.cat([one.hidden_states[-2] for one in given], -1), given[1].text_embeds


scheduler = EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1)
pipeline = StableDiffusionXLPipeline(vae, *encoders, None, None, unet, scheduler, add_watermarker=False)
pipeline.set_progress_bar_config(disable=True)
with torch.no_grad():
    (prompt, pooled), (negative, negative_pooled) = encode(320, 5382), encode()
    picture = pipeline(
        prompt_embeds=prompt,
        pooled_prompt_embeds=pooled,
        negative_prompt_embeds=negative,
        negative_pooled_prompt_embeds=negative_pooled,
        width=options.size,
        height=options.size,
        num_inference_steps=options.steps,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(1),
    ).images[0]
picture.save(options.out)
