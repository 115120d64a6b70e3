"""The U-Net of SDXL with the checkpoint's key names, at any width and depth."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sinusoids(values: Tensor, size: int) -> Tensor:
    """[cos(v f_0 ..), sin(v f_0 ..)], f_i = 10000^(-i / (size / 2)). [...] -> [..., size]"""
    frequencies = torch.exp(-math.log(10000) / (size // 2) * torch.arange(size // 2, dtype=torch.float32))
    angles = values.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)


class Res(nn.Module):
    """x: [N, in, H, W], emb: [N, E] -> [N, out, H, W]"""

    def __init__(self, inside: int, outside: int, emb: int):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, inside), nn.SiLU(), nn.Conv2d(inside, outside, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(emb, outside))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, outside), nn.SiLU(), nn.Identity(), nn.Conv2d(outside, outside, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1)
        nn.init.zeros_(self.out_layers[3].weight)
        nn.init.zeros_(self.out_layers[3].bias)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        h = self.in_layers(x) + self.emb_layers(emb)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class Attention(nn.Module):
    """Heads of 64. x: [N, L, C], context: [N, S, D] -> [N, L, C]"""

    def __init__(self, channels: int, context: int):
        super().__init__()
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context, channels, bias=False)
        self.to_v = nn.Linear(context, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q, k, v = (
            t.unflatten(-1, (-1, 64)).transpose(1, 2) for t in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Geglu(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.proj = nn.Linear(channels, channels * 8)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, -1)
        return value * F.gelu(gate)


class TransformerBlock(nn.Module):
    def __init__(self, channels: int, context: int):
        super().__init__()
        self.attn1, self.attn2 = Attention(channels, channels), Attention(channels, context)
        # Every token reads itself most, and words apart: what a control says of a place is then kept at that place
        # from the first step on (Trockman and Kolter 2023, https://arxiv.org/abs/2305.09828).
        nn.init.orthogonal_(self.attn1.to_q.weight)
        with torch.no_grad():
            self.attn1.to_k.weight.copy_(self.attn1.to_q.weight)
            self.attn2.to_q.weight *= 2
            self.attn2.to_k.weight *= 2
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))
        self.ff = nn.Module()
        self.ff.net = nn.Sequential(Geglu(channels), nn.Identity(), nn.Linear(channels * 4, channels))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attn1(h, h)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff.net(self.norm3(x))


class Transformer(nn.Module):
    """x: [N, C, H, W], context: [N, S, D] -> [N, C, H, W]"""

    def __init__(self, channels: int, context: int, depth: int):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in, self.proj_out = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, context) for _ in range(depth)])

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        h = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        for block in self.transformer_blocks:
            h = block(h, context)
        return x + self.proj_out(h).transpose(1, 2).reshape(x.shape)


class Down(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        return self.op(x)


class Up(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class First(nn.Conv2d):
    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        return super().forward(x)


class Unet(nn.Module):
    """
    Keys below `model.diffusion_model.`. Widths and transformer depths are given per level.

    latents: [N, 4, h, w], timesteps: [N], context: [N, 77, D], vector: [N, pooled + 1536] -> [N, 4, h, w]
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], context: int, pooled: int):
        super().__init__()
        base = widths[0]
        emb = base * 4
        self.base = base
        self.time_embed = nn.Sequential(nn.Linear(base, emb), nn.SiLU(), nn.Linear(emb, emb))
        self.label_emb = nn.Sequential(nn.Sequential(nn.Linear(pooled + 1536, emb), nn.SiLU(), nn.Linear(emb, emb)))

        def stage(inside: int, outside: int, depth: int) -> list[nn.Module]:
            return [Res(inside, outside, emb)] + ([Transformer(outside, context, depth)] if depth else [])

        last = len(widths) - 1
        self.input_blocks = nn.ModuleList([nn.ModuleList([First(4, base, 3, padding=1)])])
        skips, channels = [base], base
        for level, width in enumerate(widths):
            for _ in range(2):
                self.input_blocks.append(nn.ModuleList(stage(channels, width, depths[level])))
                channels = width
                skips.append(channels)
            if level < last:
                self.input_blocks.append(nn.ModuleList([Down(channels)]))
                skips.append(channels)
        middle = Transformer(channels, context, depths[last])
        self.middle_block = nn.ModuleList([Res(channels, channels, emb), middle, Res(channels, channels, emb)])
        self.output_blocks = nn.ModuleList()
        for level in range(last, -1, -1):
            for index in range(3):
                parts = stage(channels + skips.pop(), widths[level], depths[level])
                channels = widths[level]
                if level > 0 and index == 2:
                    parts.append(Up(channels))
                self.output_blocks.append(nn.ModuleList(parts))
        self.out = nn.Sequential(nn.GroupNorm(32, base), nn.SiLU(), nn.Conv2d(base, 4, 3, padding=1))

    def forward(self, latents: Tensor, timesteps: Tensor, context: Tensor, vector: Tensor) -> Tensor:
        emb = self.time_embed(sinusoids(timesteps, self.base)) + self.label_emb(vector)
        h, skips = latents, []
        for block in self.input_blocks:
            for part in block:
                h = part(h, emb, context)
            skips.append(h)
        for part in self.middle_block:
            h = part(h, emb, context)
        for block in self.output_blocks:
            h = torch.cat([h, skips.pop()], 1)
            for part in block:
                h = part(h, emb, context)
        return self.out(h)
