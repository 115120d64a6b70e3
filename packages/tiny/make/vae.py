"""The autoencoder of SDXL (latent-diffusion's AutoencoderKL) with the checkpoint's key names, at any width."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


class Res(nn.Module):
    """x: [N, in, H, W] -> [N, out, H, W]"""

    def __init__(self, inside: int, outside: int):
        super().__init__()
        self.norm1, self.conv1 = norm(inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.norm2, self.conv2 = norm(outside), nn.Conv2d(outside, outside, 3, padding=1)
        if inside != outside:
            self.nin_shortcut = nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class Attention(nn.Module):
    """One head over all positions. x: [N, C, H, W] -> the same"""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = norm(channels)
        self.q, self.k, self.v = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2).transpose(1, 2)[:, None] for layer in (self.q, self.k, self.v))
        h = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(h)


class Mid(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.block_1, self.attn_1, self.block_2 = Res(channels, channels), Attention(channels), Res(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class Down(nn.Module):
    """Halves the picture; pads only right and below, as latent-diffusion does."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Encoder(nn.Module):
    """Pictures in [-1, 1], [N, 3, 8h, 8w] -> [N, 8, h, w]"""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        inside = widths[0]
        for level, width in enumerate(widths):
            part = nn.Module()
            part.block = nn.ModuleList([Res(inside, width), Res(width, width)])
            if level < len(widths) - 1:
                part.downsample = Down(width)
            self.down.append(part)
            inside = width
        self.mid, self.norm_out = Mid(inside), norm(inside)
        self.conv_out = nn.Conv2d(inside, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_in(x)
        for part in self.down:
            for block in part.block:
                h = block(h)
            if hasattr(part, "downsample"):
                h = part.downsample(h)
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))


class Decoder(nn.Module):
    """[N, 4, h, w] -> pictures, [N, 3, 8h, 8w]"""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        inside = widths[-1]
        self.conv_in, self.mid = nn.Conv2d(4, inside, 3, padding=1), Mid(inside)
        up = []
        for level in reversed(range(len(widths))):
            part = nn.Module()
            part.block = nn.ModuleList(
                [Res(inside, widths[level])] + [Res(widths[level], widths[level]) for _ in range(2)]
            )
            if level > 0:
                part.upsample = Up(widths[level])
            up.insert(0, part)
            inside = widths[level]
        self.up = nn.ModuleList(up)
        self.norm_out, self.conv_out = norm(inside), nn.Conv2d(inside, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.mid(self.conv_in(z))
        for part in reversed(self.up):
            for block in part.block:
                h = block(h)
            if hasattr(part, "upsample"):
                h = part.upsample(h)
        return self.conv_out(F.silu(self.norm_out(h)))


class Vae(nn.Module):
    """Keys below `first_stage_model.`. Latents here are unscaled: the U-Net sees them times 0.13025."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.encoder, self.decoder = Encoder(widths), Decoder(widths)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(8, 8, 1), nn.Conv2d(4, 4, 1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, [N, 4, h, w] each."""
        mean, logvar = self.quant_conv(self.encoder(x)).chunk(2, 1)
        return mean, logvar.clamp(-30, 20)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(z))

    @torch.no_grad()
    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Folds `z -> (z - mean) / std`, per channel, into the two 1x1 convolutions; pictures stay what they were."""
        self.quant_conv.weight[:4] /= std[:, None, None, None]
        self.quant_conv.bias[:4] = (self.quant_conv.bias[:4] - mean) / std
        self.quant_conv.bias[4:] -= 2 * std.log()
        self.post_quant_conv.bias += self.post_quant_conv.weight[:, :, 0, 0] @ mean
        self.post_quant_conv.weight *= std[None, :, None, None]
