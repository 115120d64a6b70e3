"""
ControlNet-LLLite for this U-Net: the modules of sd-scripts, at the sites that its files have by default, made to be
heard. Here the base learns along with them, so nothing speaks for a start in silence: controls fill the conditioning's
range from the first step on (`normalise`), and `up` is not zero.
"""

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from unet import Unet


def edges(picture: np.ndarray) -> np.ndarray:
    """Canny 100/200 of [H, W, 3] bytes: [H, W] bytes, 0 or 255."""
    return cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 100, 200)


def to_control(edges: Tensor) -> Tensor:
    """[N, H, W] bytes -> [N, 3, H, W] in [-1, 1]"""
    return edges[:, None].expand(-1, 3, -1, -1) / 127.5 - 1


class Site(nn.Module):
    """Adds to the input of a linear layer what a control picture says of it. The host goes on as it was without."""

    def __init__(self, host: nn.Linear, depth: int, conditioning: int, mlp: int):
        super().__init__()
        half, width = conditioning // 2, host.in_features
        layers = [nn.Conv2d(3, half, 4, 4), nn.ReLU()]
        if depth == 2:
            layers += [nn.Conv2d(half, conditioning, 4, 4)]
        else:
            layers += [nn.Conv2d(half, half, 4, 4), nn.ReLU(), nn.Conv2d(half, conditioning, 2, 2)]
        self.conditioning1 = nn.Sequential(*layers)
        self.down = nn.Sequential(nn.Linear(width, mlp), nn.ReLU())
        self.mid = nn.Sequential(nn.Linear(mlp + conditioning, mlp), nn.ReLU())
        self.up = nn.Sequential(nn.Linear(mlp, width))
        nn.init.normal_(self.mid[0].weight, 0, conditioning**-0.5)
        with torch.no_grad():
            self.mid[0].weight[:, conditioning:] *= 0.3
        nn.init.normal_(self.up[0].weight, 0, 2 * mlp**-0.5)
        nn.init.zeros_(self.up[0].bias)
        self.control: Tensor | None = None
        host.register_forward_pre_hook(lambda _, inputs: (self.steer(inputs[0]),))

    @torch.no_grad()
    def normalise(self, pictures: Tensor) -> None:
        """
        Gives every channel of the conditioning mean 0 and deviation 1 over these controls (Mishkin and Matas 2015,
        https://arxiv.org/abs/1511.06422). At PyTorch's own start it deviates by 0.02, a quarter of its mean.
        """
        for layer in self.conditioning1:
            pictures = layer(pictures)
            if isinstance(layer, nn.Conv2d):
                mean, deviation = pictures.mean((0, 2, 3)), pictures.std((0, 2, 3)).clamp_min(1e-3)
                layer.weight /= deviation[:, None, None, None]
                layer.bias.copy_((layer.bias - mean) / deviation)
                pictures = (pictures - mean[:, None, None]) / deviation[:, None, None]

    def steer(self, x: Tensor) -> Tensor:
        """x: [N, L, C]. The first rows of the batch are steered, as many as there are controls."""
        if self.control is None:
            return x
        steered = x[: len(self.control)]
        z = self.mid(torch.cat([self.control, self.down(steered)], -1))
        return torch.cat([steered + self.up(z), x[len(self.control) :]])


def controlled_blocks(unet: Unet) -> list[nn.ModuleList]:
    """The blocks with sites: a transformer is the second part of each."""
    return [*(unet.input_blocks[i] for i in (4, 5, 7, 8)), unet.middle_block]


class Lllite(nn.Module):
    def __init__(self, unet: Unet, conditioning: int = 32, mlp: int = 64):
        super().__init__()
        self.sites = nn.ModuleList(
            Site(host, depth, conditioning, mlp)
            for block, depth in zip(controlled_blocks(unet), (2, 2, 3, 3, 3))
            for layer in block[1].transformer_blocks
            for host in (layer.attn1.to_q, layer.attn1.to_k, layer.attn1.to_v, layer.attn2.to_q)
        )

    def normalise(self, pictures: Tensor) -> None:
        for site in self.sites:
            site.normalise(pictures)

    def set_control(self, pictures: Tensor | None) -> None:
        """[N, 3, H, W] in [-1, 1]; None takes every site's influence away."""
        for site in self.sites:
            site.control = None if pictures is None else site.conditioning1(pictures).flatten(2).transpose(1, 2)
