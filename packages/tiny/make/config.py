"""The widths and depths of the tiny SDXL: everything else is as in the large one."""

SIZE = 128
"""Side of the pictures, in pixels."""

SCALE_FACTOR = 0.13025
"""What SDXL multiplies latents by."""

VAE_WIDTHS = (32, 32, 32, 64)

UNET_WIDTHS = (64, 64, 128)
"""At 32 channels, SDXL's 32 norm groups would hold one channel each, and wipe out every channel's mean over the
picture, which is where the colours are: the first level has 64 as well."""

UNET_DEPTHS = (0, 1, 1)
"""Transformer blocks per transformer, by level; the middle block has as many as the last level."""

TEXT_1_HIDDEN, TEXT_1_LAYERS = 24, 4
TEXT_2_HIDDEN, TEXT_2_LAYERS = 16, 4
CONTEXT = TEXT_1_HIDDEN + TEXT_2_HIDDEN
POOLED = TEXT_2_HIDDEN
