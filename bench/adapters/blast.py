# blast.py - no reliability at all: the bound of machine and network.
# SPDX-License-Identifier: BSD-2-Clause
"""opts: rate (Mbit/s); hash: 1: receivers write and hash the file, 2: the sender hashes it, too;
rcvbuf (bytes)"""
import json


def receiver(ctx, i):
    argv = [ctx.build + "/bench/blast", "-g", ctx.group, "-i", ctx.iface,
            "-b", str(ctx.opt("rcvbuf", 32 << 20))]
    return argv + (["-h", "-o", ctx.out(i)] if ctx.opt("hash", 0) else [])


def ready(ctx, i):
    return ctx.bound(i, "udp", 7777)


def sender(ctx):
    argv = [ctx.build + "/bench/blast", "-f", ctx.src, "-g", ctx.group, "-i", ctx.iface,
            "-r", str(ctx.opt("rate", 0.0))]
    return argv + (["-h"] if ctx.opt("hash", 0) > 1 else [])


def extra(ctx):
    """What arrived at the worst receiver, and how fast: there is no copy to compare."""
    rx = [json.loads(p.output()) for p in ctx.rx.values()]
    tx = json.loads(ctx.tx[0].output())
    worst = min(rx, key=lambda r: r["bytes"])
    secs = max(r["secs"] for r in rx) or 1
    return {"delivered": round(worst["bytes"] / ctx.size, 7),
            "delivered_mbit": round(worst["bytes"] * 8e-6 / secs, 1),
            "sent_mbit": round(tx["bytes"] * 8e-6 / tx["secs"], 1), "rx": rx}
