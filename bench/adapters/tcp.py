# tcp.py - N unicast copies at once with socat: what a user would do without multicast.
# SPDX-License-Identifier: BSD-2-Clause
BLOCK = "262144"


def receiver(ctx, i):
    return ["socat", "-b", BLOCK, "-u", "TCP4-LISTEN:5001,reuseaddr", f"OPEN:{ctx.out(i)},creat,trunc"]


def ready(ctx, i):
    return ctx.bound(i, "tcp", 5001)


def sender(ctx):
    return [["socat", "-b", BLOCK, "-u", f"OPEN:{ctx.src},rdonly", f"TCP4:{ctx.ip(i)}:5001"]
            for i in ctx.lab.receivers()]
