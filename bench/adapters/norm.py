# norm.py - NRL's libnorm by tests/interop/norm_peer, ended by every receiver's watermark ack.
# SPDX-License-Identifier: BSD-2-Clause
"""opts: rate (Mbit/s), cc=1, block, parity, auto, segment, grtt, backoff"""
import os

EXITS = False


def common(ctx):
    return ["--group", ctx.group, "--port", "7778", "--interface", ctx.iface]


def receiver(ctx, i):
    return [ctx.build + "/tests/interop/norm_peer", "recv", *common(ctx), "--id", str(i + 1),
            ctx.rxdir(i)]


def ready(ctx, i):
    return ctx.bound(i, "udp", 7778)


def sender(ctx):
    rate = ctx.opt("rate", 0.0) or (ctx.rate * 0.93 if ctx.rate else 300.0)
    return [ctx.build + "/tests/interop/norm_peer", "send", *common(ctx),
            "--receivers", str(ctx.n), "--rate", str(rate), "--linger", "0",
            "--segment", str(ctx.opt("segment", 1428)), "--block", str(ctx.opt("block", 64)),
            "--parity", str(ctx.opt("parity", 16)), "--auto-parity", str(ctx.opt("auto", 0)),
            "--grtt", str(ctx.opt("grtt", 0.005)), "--backoff", str(ctx.opt("backoff", 2.0)),
            *(["--cc"] if ctx.opt("cc", 0) else []), ctx.src]


def done(ctx, i):
    return os.path.exists(ctx.out(i))
