# udpcast.py - udp-sender and udp-receiver.
# SPDX-License-Identifier: BSD-2-Clause
"""opts: duplex=full|half, fec (8x8/128), rate (Mbit/s), slice, blocksize"""


def receiver(ctx, i):
    return ["udp-receiver", "--interface", ctx.iface, "--nokbd", "--no-progress", "--portbase", "9000",
            "--start-timeout", "60", "--rcvbuf", "4194304", "--file", ctx.out(i)]


def ready(ctx, i):
    return ctx.bound(i, "udp", 9000)


def sender(ctx):
    argv = ["udp-sender", "--interface", ctx.iface, "--nokbd", "--no-progress", "--portbase", "9000",
            "--nopointopoint", "--min-receivers", str(ctx.n), "--max-wait", "30",
            "--mcast-data-address", ctx.group, "--blocksize", str(ctx.opt("blocksize", 1456)),
            "--rexmit-hello-interval", "200", "--file", ctx.src,
            "--" + ctx.opt("duplex", "full") + "-duplex"]
    rate = ctx.opt("rate", 0.0) or (ctx.rate * 0.97 if ctx.rate else 0)
    if rate:
        argv += ["--max-bitrate", f"{int(rate * 1000)}k"]
    if ctx.opt("fec", ""):
        argv += ["--fec", ctx.opt("fec", "")]
    if ctx.opt("slice", ""):
        argv += ["--default-slice-size", ctx.opt("slice", "")]
    return argv
