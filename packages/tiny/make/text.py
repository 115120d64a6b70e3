"""SDXL's two text encoders with the checkpoint's key names, and the byte-pair tokenizer they share."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY, LENGTH = 49408, 77
START, END = 49406, 49407


def quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def causal_attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """[N, L, C] each -> [N, L, C]"""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)


class ClipLayer(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        self.heads = heads
        self.self_attn = nn.Module()
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            setattr(self.self_attn, name, nn.Linear(hidden, hidden))
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(hidden, hidden * 4), nn.Linear(hidden * 4, hidden)

    def forward(self, x: Tensor) -> Tensor:
        h, a = self.layer_norm1(x), self.self_attn
        x = x + a.out_proj(causal_attention(a.q_proj(h), a.k_proj(h), a.v_proj(h), self.heads))
        return x + self.mlp.fc2(quick_gelu(self.mlp.fc1(self.layer_norm2(x))))


class ClipText(nn.Module):
    """CLIP-L as Hugging Face names it. Keys below `conditioner.embedders.0.`."""

    def __init__(self, hidden: int, layers: int, heads: int):
        super().__init__()
        text = nn.Module()
        text.embeddings = nn.Module()
        text.embeddings.token_embedding = nn.Embedding(VOCABULARY, hidden)
        text.embeddings.position_embedding = nn.Embedding(LENGTH, hidden)
        text.embeddings.register_buffer("position_ids", torch.arange(LENGTH)[None])
        text.encoder = nn.Module()
        text.encoder.layers = nn.ModuleList([ClipLayer(hidden, heads) for _ in range(layers)])
        text.final_layer_norm = nn.LayerNorm(hidden)
        self.transformer = nn.Module()
        self.transformer.text_model = text

    def forward(self, ids: Tensor) -> Tensor:
        """ids: [N, 77] -> the hidden state before the last layer, [N, 77, hidden]. No final norm, as in SDXL."""
        text = self.transformer.text_model
        x = text.embeddings.token_embedding(ids) + text.embeddings.position_embedding.weight
        for layer in text.encoder.layers[:-1]:
            x = layer(x)
        return x


class OpenClipLayer(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attn = nn.Module()
        self.attn.in_proj_weight = nn.Parameter(torch.empty(3 * hidden, hidden))
        self.attn.in_proj_bias = nn.Parameter(torch.zeros(3 * hidden))
        self.attn.out_proj = nn.Linear(hidden, hidden)
        nn.init.xavier_uniform_(self.attn.in_proj_weight)
        self.mlp = nn.Module()
        self.mlp.c_fc, self.mlp.c_proj = nn.Linear(hidden, hidden * 4), nn.Linear(hidden * 4, hidden)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = F.linear(self.ln_1(x), self.attn.in_proj_weight, self.attn.in_proj_bias).chunk(3, -1)
        x = x + self.attn.out_proj(causal_attention(q, k, v, self.heads))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x))))


class OpenClipText(nn.Module):
    """OpenCLIP's text tower. Keys below `conditioner.embedders.1.`."""

    def __init__(self, hidden: int, layers: int, heads: int):
        super().__init__()
        model = nn.Module()
        model.positional_embedding = nn.Parameter(0.01 * torch.randn(LENGTH, hidden))
        model.text_projection = nn.Parameter(hidden**-0.5 * torch.randn(hidden, hidden))
        model.logit_scale = nn.Parameter(torch.tensor(0.0))
        model.token_embedding = nn.Embedding(VOCABULARY, hidden)
        model.transformer = nn.Module()
        model.transformer.resblocks = nn.ModuleList([OpenClipLayer(hidden, heads) for _ in range(layers)])
        model.ln_final = nn.LayerNorm(hidden)
        self.model = model

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """ids: [N, 77] -> the hidden state before the last layer, [N, 77, hidden], and pooled, [N, hidden]."""
        model = self.model
        x = model.token_embedding(ids) + model.positional_embedding
        for layer in model.transformer.resblocks[:-1]:
            x = layer(x)
        last = model.ln_final(model.transformer.resblocks[-1](x))
        end = (ids == END).int().argmax(1)
        return x, last[torch.arange(len(ids)), end] @ model.text_projection


class Tokenizer:
    """CLIP's byte-pair encoding, for captions made of lower-case English words and single spaces."""

    def __init__(self, merges: Path):
        pairs = [tuple(line.split()) for line in merges.read_text(encoding="utf-8").splitlines() if line]
        self.ranks = {pair: rank for rank, pair in enumerate(pairs)}
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        symbols = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
        entries = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(pair) for pair in pairs]
        self.ids = {entry: index for index, entry in enumerate(entries)}

    def word(self, word: str) -> list[int]:
        if not (word.isascii() and word.isalpha() and word.islower()):
            raise ValueError(f"Tokenizer: {word!r} is not a lower-case English word; captions hold nothing else")
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pairs = list(zip(parts, parts[1:]))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            at = pairs.index(best)
            parts[at : at + 2] = ["".join(best)]
        return [self.ids[part] for part in parts]

    def __call__(self, captions: Iterable[str]) -> tuple[Tensor, Tensor]:
        """Ids for encoder 1, padded with the end token, and for encoder 2, padded with 0. [N, 77] each."""
        rows = [[START, *(i for word in c.split() for i in self.word(word)), END] for c in captions]
        if any(len(row) > LENGTH for row in rows):
            raise ValueError(f"Tokenizer: a caption is longer than {LENGTH} tokens")
        padded = [torch.tensor([row + [pad] * (LENGTH - len(row)) for row in rows]) for pad in (END, 0)]
        return padded[0], padded[1]


def read_captions(folder: Path) -> list[str]:
    return [json.loads(line) for line in (folder / "captions.jsonl").read_text().splitlines()]
