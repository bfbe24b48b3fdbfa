"""A PyTorch twin of Myna's network (src/model/network.c), to compare with: same tensors, same names, same files.

Shapes are [items][steps][channels] throughout. `latency` is 0 low, 1 balanced, 2 best, as myna_latency.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import rng, tensor_file

MEL_BANDS, POOLED_BANDS, STEP_FRAMES, SPEAKER_FRAMES = 256, 64, 2, 4
CHANNELS, SPEAKER_CHANNELS, EMBEDDING, TAPS, GATES = 256, 192, 128, 5, 32
CONTENT_BLOCKS, SPEAKER_BLOCKS, DECODER_BLOCKS, AHEAD_BLOCKS = 5, 4, 6, 2
CONTENT_IN, SPEAKER_IN = STEP_FRAMES * POOLED_BANDS, SPEAKER_FRAMES * POOLED_BANDS
PITCH_IN = STEP_FRAMES * (64 + 1)
ATTENTION_BLOCKS, ATTENTION_HEADS, ATTENTION_KEY = (2, 4), 4, 128  # attentions stand before these decoder blocks
LOW, BALANCED, BEST = range(3)


class Taps(nn.Module):
    """Depthwise convolution over time: taps from `ahead` - 4 to `ahead`, zeros outside."""

    def __init__(self, channels, ahead):
        super().__init__()
        self.ahead = ahead
        self.weight = nn.Parameter(torch.empty(TAPS, channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x, mute_last):
        weight = self.weight
        if mute_last:
            weight = torch.cat([weight[:-1], torch.zeros_like(weight[-1:])])
        padded = F.pad(x.transpose(1, 2), (TAPS - 1 - self.ahead, self.ahead))
        return F.conv1d(padded, weight.t().unsqueeze(1), self.bias, groups=x.shape[2]).transpose(1, 2)


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.empty(channels))
        self.shift = nn.Parameter(torch.empty(channels))

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:], self.scale, self.shift, eps=1e-5)


class Block(nn.Module):
    """y = x + gain * project(gelu(expand(norm(conv(x))))); conditioned blocks take the norm's scale and shift from an
    embedding (FiLM)."""

    def __init__(self, channels, ahead=0, conditioned=False):
        super().__init__()
        self.conv = Taps(channels, ahead)
        if conditioned:
            self.film = nn.Linear(EMBEDDING, 2 * channels)
        else:
            self.norm = Norm(channels)
        self.expand = nn.Linear(channels, 2 * channels)
        self.project = nn.Linear(2 * channels, channels)
        self.gain = nn.Parameter(torch.empty(channels))

    def forward(self, x, embedding=None, mute_last=False):
        y = self.conv(x, mute_last)
        if embedding is None:
            y = self.norm(y)
        else:
            scale, shift = self.film(embedding).unsqueeze(1).chunk(2, dim=2)
            y = F.layer_norm(y, y.shape[-1:], eps=1e-5) * (1 + scale) + shift
        return x + self.gain * self.project(F.gelu(self.expand(y), approximate="tanh"))


class Attention(nn.Module):
    """x + gain * out(found): what each step finds among the steps of a reference that sound like it, or, where none does,
    no_value. `heard` [items][reference steps][channels], `content` the same steps' mel spectrum, `used` [items]: 0 where
    the reference may not be looked at."""

    def __init__(self):
        super().__init__()
        self.norm = Norm(CHANNELS)
        self.query = nn.Linear(CHANNELS, ATTENTION_KEY)
        self.key = nn.Linear(CHANNELS, ATTENTION_KEY)
        self.value = nn.Linear(CONTENT_IN, CHANNELS)
        self.out = nn.Linear(CHANNELS, CHANNELS)
        self.no_key = nn.Parameter(torch.empty(ATTENTION_KEY))
        self.no_value = nn.Parameter(torch.empty(CHANNELS))
        self.gain = nn.Parameter(torch.empty(CHANNELS))

    def remember(self, heard, content):
        """Keys and values, [items][1 + reference steps][...]."""
        first = lambda row, rows: torch.cat([row.expand(len(rows), 1, -1), rows], dim=1)
        return first(self.no_key, self.key(heard)), first(self.no_value, self.value(content))

    def look_up(self, x, key, value, mask=None):
        split = lambda y: y.unflatten(2, (ATTENTION_HEADS, -1)).transpose(1, 2)
        query = split(self.query(self.norm(x)))
        found = F.scaled_dot_product_attention(query, split(key), split(value), attn_mask=mask)
        return x + self.gain * self.out(found.transpose(1, 2).flatten(2))

    def forward(self, x, heard, content, used):
        mask = torch.cat([torch.ones_like(used[:, None]), used[:, None].expand(-1, heard.shape[1])], dim=1) > 0
        return self.look_up(x, *self.remember(heard, content), mask[:, None, None])


def _step_blocks(n):
    return nn.ModuleList(Block(CHANNELS, int(i < AHEAD_BLOCKS), conditioned=True) for i in range(n))


def _is_muted(block, n_ahead):
    """Of the blocks that can look ahead, all but the first n_ahead may not."""
    return n_ahead <= block < AHEAD_BLOCKS


def _instance_norm(x):
    """Each channel of each item to mean 0 and variance 1 over the steps."""
    return F.instance_norm(x.transpose(1, 2), eps=1e-3).transpose(1, 2)


class Network(nn.Module):
    def __init__(self, code_width=16):
        super().__init__()
        self.content = nn.ModuleDict({
            "in": nn.Linear(CONTENT_IN, CHANNELS),
            "block": _step_blocks(CONTENT_BLOCKS),
            "out": nn.Linear(CHANNELS, code_width),
        })
        self.speaker = nn.ModuleDict({
            "in": nn.Linear(SPEAKER_IN, SPEAKER_CHANNELS),
            "block": nn.ModuleList(Block(SPEAKER_CHANNELS, ahead=2) for _ in range(SPEAKER_BLOCKS)),
            "attention": nn.Linear(SPEAKER_CHANNELS, 1),
            "out": nn.Linear(2 * SPEAKER_CHANNELS, EMBEDDING),
        })
        self.decoder = nn.ModuleDict({
            "in": nn.Linear(code_width + PITCH_IN, CHANNELS),
            "block": _step_blocks(DECODER_BLOCKS),
            "attention": nn.ModuleList(Attention() for _ in ATTENTION_BLOCKS),
            "out": nn.Linear(CHANNELS, STEP_FRAMES * MEL_BANDS),
            "gate": nn.Linear(CHANNELS, STEP_FRAMES * GATES),
        })
        self.front = nn.Module()  # measured on the corpus, not trained
        self.front.register_buffer("mel_mean", torch.zeros(MEL_BANDS))
        self.front.register_buffer("mel_deviation", torch.zeros(1))
        self.front.register_buffer("log_f0", torch.zeros(2))
        self.front.register_buffer("content_mean", torch.zeros(CONTENT_BLOCKS + 1, CHANNELS))
        self.front.register_buffer("content_deviation", torch.zeros(CONTENT_BLOCKS + 1, CHANNELS))
        self.front.register_buffer("unknown_mean", torch.zeros(CONTENT_BLOCKS + 1, CHANNELS))
        self.front.register_buffer("unknown_deviation", torch.zeros(CONTENT_BLOCKS + 1, CHANNELS))

    def embed(self, speaker):
        x = self.speaker["in"](speaker)
        for block in self.speaker["block"]:
            x = block(x)
        weights = torch.softmax(self.speaker["attention"](x), dim=1)
        mean = (weights * x).sum(1)
        variance = (weights * (x - mean.unsqueeze(1)) ** 2).sum(1)
        return self.speaker["out"](torch.cat([mean, torch.sqrt(variance + 1e-4)], dim=1))

    def hear(self, content, source, latency):
        """`source` [items][EMBEDDING]: who speaks, zeros where that is not known."""
        x = _instance_norm(self.content["in"](content))
        for i, block in enumerate(self.content["block"]):
            x = _instance_norm(block(x, source, _is_muted(i, latency)))
        return x

    def forward(self, content, speaker, pitch, ripple, noise, known, reference, latency):
        spoken, embedding = speaker.reshape(len(speaker), -1, CONTENT_IN), self.embed(speaker)
        with torch.no_grad():
            source = self.embed(content.reshape(len(content), -1, SPEAKER_IN)) * known[:, None]
            heard = self.hear(spoken, embedding, BEST)
        code = torch.tanh(self.content["out"](self.hear(content, source, latency))) + noise
        x = self.decoder["in"](torch.cat([code, pitch], dim=2))
        for i, block in enumerate(self.decoder["block"]):
            if i in ATTENTION_BLOCKS:
                x = self.decoder["attention"][ATTENTION_BLOCKS.index(i)](x, heard, spoken, reference)
            x = block(x, embedding, _is_muted(i, AHEAD_BLOCKS if latency == BEST else 0))
        gate = 1.5 * torch.sigmoid(self.decoder["gate"](x))
        return self.decoder["out"](x) + gate.repeat_interleave(MEL_BANDS // GATES, dim=2) * ripple

    # ---- Myna's files and initial values ----------------------------------------------------------------------------

    def tensor_names(self):
        """In the order of the table in src/model/tensors.c: a block's gain comes last."""
        tensor_order = "conv norm film expand project query key value out no_key no_value gain".split()
        order = {name: i for i, name in enumerate(tensor_order)}

        def key(name):
            parts = name.split(".")
            place = {part: i for i, part in enumerate(["in", "block", "attention", "out", "gate"])}
            parts_key = [["content", "speaker", "decoder", "front"].index(parts[0]), place.get(parts[1], 0)]
            if len(parts) > 3:  # one of several
                return parts_key + [int(parts[2]), order[parts[3]]]
            return parts_key + [order.get(part, 0) for part in parts[2:3]]

        return sorted(self.state_dict(), key=key)  # stable: weight before bias as registered

    def load(self, path):
        tensors, facts = tensor_file.read(path)
        self.load_state_dict({name: torch.from_numpy(values) for name, values in tensors.items()})
        return facts

    def save(self, path, facts):
        """`facts` as in a file that Myna wrote: the front end's constants must be among them."""
        state = self.state_dict()
        tensors = {name: state[name].detach().float().numpy() for name in self.tensor_names()}
        tensor_file.write(path, "myna-model", tensors, facts)

    def init(self, seed):
        """The values of myna_parameters_init, but for the last bits of square root, logarithm and cosine."""
        state = self.state_dict()
        drawn = {}  # number of the tensor: its values' kind
        for i, name in enumerate(self.tensor_names()):
            if name.endswith("conv.weight"):
                drawn[i] = "taps"
            elif state[name].ndim == 2 and name != "decoder.gate.weight" and not name.startswith("front."):
                drawn[i] = "uniform"
            else:
                constants = {"scale": 1.0, "gain": 0.1, "content_deviation": 1.0, "unknown_deviation": 1.0}
                state[name].fill_(constants.get(name.split(".")[-1], 0.0))
        names = self.tensor_names()
        most = max(state[names[i]].numel() * (2 if kind == "taps" else 1) for i, kind in drawn.items())
        bits = dict(zip(drawn, rng.draw(seed, list(drawn), most)))
        for i, kind in drawn.items():
            x, n = state[names[i]], state[names[i]].numel()
            if kind == "taps":
                values = rng.normal(bits[i][: 2 * n]) / np.sqrt(np.float32(TAPS))
            else:
                bound = np.float32(1) / np.sqrt(np.float32(x.shape[1]))
                values = rng.uniform(bits[i][:n], -bound, bound)
            x.copy_(torch.from_numpy(values).view(x.shape))
