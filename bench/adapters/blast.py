# blast.py - no reliability at all: the bound of machine and network.  opts: rate (Mbit/s)
# SPDX-License-Identifier: BSD-2-Clause
import json


def receiver(ctx, i):
    return [ctx.build + "/bench/blast", "-g", ctx.group, "-i", ctx.iface]


def ready(ctx, i):
    return ctx.bound(i, "udp", 7777)


def sender(ctx):
    return [ctx.build + "/bench/blast", "-f", ctx.src, "-g", ctx.group, "-i", ctx.iface,
            "-r", str(ctx.opt("rate", 0.0))]


def extra(ctx):
    """What arrived at the worst receiver, and how fast: there is no copy to compare."""
    rx = [json.loads(p.output()) for p in ctx.rx.values()]
    worst = min(rx, key=lambda r: r["bytes"])
    secs = max(r["secs"] for r in rx) or 1
    return {"delivered": round(worst["bytes"] / ctx.size, 5),
            "delivered_mbit": round(worst["bytes"] * 8e-6 / secs, 1), "rx": rx}
