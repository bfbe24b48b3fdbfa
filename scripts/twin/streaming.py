"""Conversion with the twin in PyTorch, as src/model/stream.c does it for latency low: the target is known, the source is
not, and the content encoder is normalised by known statistics. Over a whole recording at once, or step by step with state."""

import torch
import torch.nn.functional as F
from torch import nn

from .network import ATTENTION_BLOCKS, BEST, CHANNELS, CONTENT_BLOCKS, DECODER_BLOCKS, EMBEDDING, GATES, MEL_BANDS
from .network import SPEAKER_IN, TAPS

PAST, N_BLOCKS = TAPS - 1, CONTENT_BLOCKS + DECODER_BLOCKS


class Converter(nn.Module):
    """content [steps][CONTENT_IN], pitch [steps][PITCH_IN], ripple [steps][2 * MEL_BANDS], past
    [N_BLOCKS][PAST][CHANNELS] -> log-mel [steps][2 * MEL_BANDS] and the new past. Any number of steps."""

    def __init__(self, network, reference):
        """reference [steps][CONTENT_IN] of the target, an even number of steps."""
        super().__init__()
        embedding = network.embed(reference.reshape(1, -1, SPEAKER_IN))
        heard = network.hear(reference[None], embedding, BEST)
        memory = [attention.remember(heard, reference[None]) for attention in network.decoder["attention"]]
        self.register_buffer("key", torch.stack([key for key, _ in memory]).detach())
        self.register_buffer("value", torch.stack([value for _, value in memory]).detach())
        self.network = network
        known = [(network.content["block"], torch.zeros(EMBEDDING)), (network.decoder["block"], embedding[0])]
        film = [block.film(who).chunk(2, dim=-1) for blocks, who in known for block in blocks]
        self.register_buffer("film_scale", torch.stack([1 + scale for scale, _ in film]).detach())
        self.register_buffer("film_shift", torch.stack([shift for _, shift in film]).detach())

    def normalise(self, i, x):
        front = self.network.front
        return (x - front.unknown_mean[i]) / front.unknown_deviation[i]

    def run_block(self, block, number, x, past):
        """Taps that could look ahead and may not read zero: they are left out."""
        seen = torch.cat([past, x])
        weight = block.conv.weight
        if block.conv.ahead:
            weight = torch.cat([torch.zeros_like(weight[:1]), weight[:-1]])
        y = F.conv1d(seen.t().unsqueeze(0), weight.t().unsqueeze(1), block.conv.bias, groups=CHANNELS)[0].t()
        y = F.layer_norm(y, (CHANNELS,), eps=1e-5) * self.film_scale[number] + self.film_shift[number]
        y = block.project(F.gelu(block.expand(y), approximate="tanh"))
        return x + block.gain * y, seen[-PAST:]

    def forward(self, content, pitch, ripple, past):
        network, kept = self.network, []
        x = self.normalise(0, network.content["in"](content))
        for i, block in enumerate(network.content["block"]):
            x, seen = self.run_block(block, i, x, past[i])
            x = self.normalise(i + 1, x)
            kept.append(seen)
        code = torch.tanh(network.content["out"](x))
        x = network.decoder["in"](torch.cat([code, pitch], dim=1))
        for i, block in enumerate(network.decoder["block"]):
            if i in ATTENTION_BLOCKS:
                a = ATTENTION_BLOCKS.index(i)
                x = network.decoder["attention"][a].look_up(x[None], self.key[a], self.value[a])[0]
            x, seen = self.run_block(block, CONTENT_BLOCKS + i, x, past[CONTENT_BLOCKS + i])
            kept.append(seen)
        gate = 1.5 * torch.sigmoid(network.decoder["gate"](x))
        out = network.decoder["out"](x) + gate.repeat_interleave(MEL_BANDS // GATES, dim=1) * ripple
        front = network.front
        log_mel = out.view(-1, MEL_BANDS) * front.mel_deviation + front.mel_mean
        return log_mel.view(out.shape), torch.stack(kept)


def no_past():
    return torch.zeros(N_BLOCKS, PAST, CHANNELS)
