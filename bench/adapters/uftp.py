# uftp.py - uftp and uftpd, a closed group.
# SPDX-License-Identifier: BSD-2-Clause
"""opts: rate (Mbit/s; -1: unlimited), cc (tfmcc:max=...), block, grtt (init:min:max), robust"""
import os

EXITS = False           # uftpd is a daemon; it renames its copy at the end
PRIVATE = "239.77.0.4"


def uid(i):
    return f"0x0A4D01{i:02X}"


def receiver(ctx, i):
    return ["uftpd", "-d", "-I", ctx.iface, "-D", ctx.rxdir(i), "-U", uid(i), "-q", "-t", "-x", "0",
            "-B", "4194304", "-c", "20971520", "-F", os.path.join(ctx.dir, f"status{i}"),
            "-M", ctx.group]


def ready(ctx, i):
    return ctx.bound(i, "udp", 1044)


def sender(ctx):
    rate = ctx.opt("rate", 0.0) or (ctx.rate * 0.93 if ctx.rate else 400)
    argv = ["uftp", "-R", str(int(rate * 1000) if rate > 0 else -1), "-b", str(ctx.opt("block", 1420)),
            "-B", "4194304", "-I", ctx.iface, "-M", ctx.group, "-P", PRIVATE, "-x", "1",
            "-r", ctx.opt("grtt", "0.02:0.01:2"), "-s", str(ctx.opt("robust", 20)),
            "-S", os.path.join(ctx.dir, "status"),
            "-H", ",".join(uid(i) for i in ctx.lab.receivers())]
    if ctx.opt("cc", ""):
        argv += ["-C", ctx.opt("cc", "")]
    return argv + [ctx.src]


def done(ctx, i):
    return os.path.exists(ctx.out(i))
