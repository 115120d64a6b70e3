"""Data-parallel training on a CPU: one process of one thread per core, gradients averaged once a step.

On a busy machine this is far quicker than one process of many threads, which all wait for each other in every layer.
Start scripts under `torchrun --nproc-per-node N` for N workers; without it there is one.
"""

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import nn


def start_worker() -> tuple[int, int]:
    """This worker's rank and their number."""
    torch.set_num_threads(1)
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    dist.init_process_group("gloo")
    return dist.get_rank(), dist.get_world_size()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    if not dist.is_initialized():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))
