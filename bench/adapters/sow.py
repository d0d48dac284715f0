# sow.py - sow and reap of this tree.
# SPDX-License-Identifier: BSD-2-Clause
"""opts: rate (as --rate takes it, 950M), fec (as --fec takes it), interleave, profile, threads, rcvbuf"""


def common(ctx):
    argv = ["--group", f"{ctx.group}:8387", "--interface", ctx.iface]
    if ctx.opt("profile", ""):
        argv += ["--profile", ctx.opt("profile", "")]
    if ctx.opt("rcvbuf", ""):
        argv += ["--rcvbuf", ctx.opt("rcvbuf", "")]
    if ctx.opt("threads", ""):
        argv += ["--threads", ctx.opt("threads", "")]
    return argv


def receiver(ctx, i):
    return [ctx.build + "/reap", *common(ctx), "--output", ctx.rxdir(i), "--once"]


def ready(ctx, i):
    return ctx.bound(i, "udp", 8387)


def sender(ctx):
    argv = [ctx.build + "/sow", *common(ctx), "--receivers", str(ctx.n), "--wait", "10",
            "--digest-cache", "none"]
    rate = ctx.opt("rate", "") or (f"{int(ctx.rate * 0.95)}M" if ctx.rate else "")
    if rate:
        argv += ["--rate", rate]
    if ctx.opt("interleave", ""):
        argv += ["--interleave", ctx.opt("interleave", "")]
    if ctx.opt("fec", ""):
        argv += ["--fec", ctx.opt("fec", "")]
    return argv + [ctx.src]
