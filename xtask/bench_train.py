#!/usr/bin/env python3
"""What the networks cost in PyTorch, float32, on one thread: what `cargo xtask bench train` compares our
kernels with, on the same shapes.

    python xtask/bench_train.py [batch]

Only shapes and operations matter here, so weights are PyTorch's own and norms have its own layers.
(Reference *values* come from crates/model/tests/fixtures/papers.py.)
"""

import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

SAMPLES = 5
# Seconds, at least: a sample is the mean over as many runs as that takes.
SAMPLE = 0.3


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        few = max(channels // 8, 1)
        self.query, self.key = (nn.Conv2d(channels, few, 1, bias=False) for _ in range(2))
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.full((1,), 0.1))

    def forward(self, x):
        parts = (self.query, self.key, self.value)
        query, key, value = (part(x).flatten(2).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.gamma * seen.transpose(1, 2).reshape(x.shape)


class Residual(nn.Module):
    def __init__(self, channels, mode, last):
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode=mode, bias=False) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.InstanceNorm2d(channels, affine=True) for _ in range(2))
        self.last = last

    def forward(self, x):
        y = F.relu(self.norms[0](self.first(x)), inplace=True)
        return self.last(x + self.norms[1](self.second(y)))


def normed(channels):
    return nn.InstanceNorm2d(channels, affine=True), nn.ReLU(inplace=True)


def attended(blocks, channels, attention):
    """The blocks, with attention behind each of the last two."""
    for i, block in enumerate(blocks):
        yield block
        if attention and i >= len(blocks) - 2:
            yield Attention(channels)


def papers_generator(attention, w=64):
    blocks = [Residual(4 * w, "reflect", nn.ReLU(inplace=True)) for _ in range(10)]
    return nn.Sequential(
        nn.Conv2d(1, w, 7, padding=3, padding_mode="reflect", bias=False), *normed(w),
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(w, 2 * w, 3, stride=2, bias=False), *normed(2 * w),
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(2 * w, 4 * w, 3, stride=2, bias=False), *normed(4 * w),
        *attended(blocks, 4 * w, attention),
        nn.ConvTranspose2d(4 * w, 2 * w, 3, stride=2, padding=1, output_padding=1, bias=False),
        *normed(2 * w),
        nn.ConvTranspose2d(2 * w, w, 3, stride=2, padding=1, output_padding=1, bias=False), *normed(w),
        nn.Conv2d(w, 1, 7, padding=3, padding_mode="reflect", bias=False),
    )


def papers_discriminator(attention, w=64):
    layers = [nn.ZeroPad2d((2, 3, 2, 3)), nn.Conv2d(1, w, 7, stride=2, bias=False)]
    layers += [nn.LeakyReLU(0.2, inplace=True)]
    layers += [Attention(w)] if attention else []
    layers += [nn.ZeroPad2d((2, 3, 2, 3)), nn.Conv2d(w, 4 * w, 7, stride=2, bias=False)]
    layers += [nn.InstanceNorm2d(4 * w, affine=True), nn.LeakyReLU(0.2, inplace=True)]
    layers += [Attention(4 * w)] if attention else []
    return nn.Sequential(*layers, nn.Conv2d(4 * w, 1, 7, padding=3, bias=False))


def compact_generator(attention, c=64):
    blocks = [Residual(c, "zeros", nn.Identity()) for _ in range(6)]
    return nn.Sequential(
        nn.Conv2d(1, c, 8, stride=4, padding=2, bias=False), *normed(c),
        *attended(blocks, c, attention),
        nn.Conv2d(c, 64, 1), nn.ReLU(inplace=True), nn.PixelShuffle(4), nn.Conv2d(4, 1, 3, padding=1),
    )


def compact_discriminator(attention):
    def act():
        return nn.LeakyReLU(0.2, inplace=True)

    layers = [nn.Conv2d(4, 64, 8, stride=4, padding=2), act(), nn.Conv2d(64, 64, 3, padding=1), act()]
    layers += [Attention(64)] if attention else []
    layers += [nn.Conv2d(64, 80, 4, stride=2, padding=1), act(), nn.Conv2d(80, 80, 3, padding=1), act()]
    layers += [Attention(80)] if attention else []
    net = nn.Sequential(*layers, nn.Conv2d(80, 1, 1))

    def planes(x):
        onset = x * (1 - F.pad(x, (0, 0, 1, 0))[:, :, :-1])
        close = [x * F.pad(x, (0, n))[..., n:] for n in (1, 2)]
        return torch.cat([x, onset, *close], 1)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(planes(x))

    return Whole()


class Block(nn.Module):
    def __init__(self, width, heads, inner, steps, causal):
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2))
        self.ask, self.answer = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * steps - 1))
        self.inner = nn.Sequential(nn.Linear(width, inner), nn.ReLU(inplace=True), nn.Linear(inner, width))
        self.heads, self.causal = heads, causal
        at = torch.arange(steps)
        self.register_buffer("lag", at[:, None] - at[None] + steps - 1)
        future = torch.where(at[None] > at[:, None], -1e9, 0.0)
        self.register_buffer("future", future if causal else torch.zeros_like(future))

    def forward(self, x):
        b, steps, width = x.shape
        asked = self.ask(self.norms[0](x)).view(b, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.distance[:, self.lag] + self.future
        heard = F.scaled_dot_product_attention(*asked, attn_mask=bias[None].expand(b, -1, -1, -1))
        x = x + self.answer(heard.transpose(1, 2).reshape(b, steps, width))
        return x + self.inner(self.norms[1](x))


class Arranger(nn.Module):
    """Content of 64 steps, what was written, and of each step 84 pitches from the lowest to the highest."""

    def __init__(self, width=128, heads=4, inner=256, units=64, blocks=(2, 3), views=11, features=193):
        super().__init__()
        self.features = features
        self.content, self.written = nn.Linear(features, width), nn.Linear(168, width, bias=False)
        self.places = nn.ParameterList(nn.Parameter(0.1 * torch.randn(64, width)) for _ in range(4))
        self.reader, self.writer = (
            nn.Sequential(*(Block(width, heads, inner, 64, causal) for _ in range(count)))
            for count, causal in zip(blocks, (False, True))
        )
        self.norm, self.direct = nn.RMSNorm(width), nn.Linear(width, 168)
        self.views, self.units = nn.Linear(width, 2 * views), nn.Linear(width, units)
        self.seen, self.hidden = (nn.Parameter(0.1 * torch.randn(2, 84, units)) for _ in range(2))

    def forward(self, x):
        x = x[:, 0]
        content = torch.cat([x, x, x[..., : self.features - 168]], 2)
        cells = torch.stack([x, x], 2)
        back = F.pad(cells, (0, 0, 0, 0, 1, 0))[:, :-1]
        read = self.reader(self.content(content) + self.places[0] + self.places[1])
        y = self.writer(read + self.written(back.flatten(2)) + self.places[2] + self.places[3])
        y = self.norm(y)
        shown = [back[:, :, 0], back[:, :, 1], content[..., :84], content[..., 84:168]]
        shown += [content[..., at : at + 12].repeat(1, 1, 7) for at in (168, 180)]
        shown += [F.pad(cells[:, :, 1], (0, 0, lag, 0))[:, :-lag] for lag in (4, 8, 16, 32)]
        shown += [F.pad(cells[:, :, 0], (0, 0, 16, 0))[:, :-16]]
        weights = self.views(y).unflatten(2, (2, -1))
        logits = self.direct(y).unflatten(2, (2, 84)) + weights @ torch.stack(shown, 2)
        seen = torch.einsum("bskp,kph->bsph", cells, self.seen)
        before = self.units(y)[:, :, None] + seen.cumsum(2) - seen
        return logits + torch.einsum("bsph,kph->bskp", F.relu(before), self.hidden)


def median(run):
    run()
    times = []
    for _ in range(SAMPLES):
        start, before, runs = time.perf_counter(), time.thread_time(), 0
        while runs == 0 or time.perf_counter() - start < SAMPLE:
            run()
            runs += 1
        times.append((time.thread_time() - before) / runs)
    return 1e3 * sorted(times)[SAMPLES // 2]


def row(name, net, rolls):
    def forward(x):
        with torch.no_grad():
            net(x)

    def both():
        net.zero_grad(set_to_none=True)
        net(rolls).square().mean().backward()

    times = [median(lambda: forward(rolls[:1])), median(lambda: forward(rolls)), median(both)]
    print(f"{name:32} {times[0]:12.1f} {times[1]:12.1f} {times[2]:20.1f}", flush=True)


def main():
    torch.set_num_threads(1)
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    rolls = (torch.rand(batch, 1, 64, 84) > 0.95).float()
    print(f"{'ms of the thread':32} {'forward, 1':>12} {f'forward, {batch}':>12} {'forward + backward':>20}")
    for attention in (False, True):
        also = " + attention" if attention else ""
        for kind, make in [
            ("compact generator", compact_generator),
            ("compact discriminator", compact_discriminator),
            ("papers' generator", papers_generator),
            ("papers' discriminator", papers_discriminator),
        ]:
            row(kind + also, make(attention), rolls)
    row("arranger", Arranger(), rolls)


main()
