# plan.py - which transfers are measured, and with which settings of each program.
# SPDX-License-Identifier: BSD-2-Clause
MIB = 1 << 20
SLOWEST = 20e6          # bit/s; a transfer below that is given up
PROGRAMS = ("sow", "udpcast", "uftp", "norm", "tcp", "blast")


def unshaped(program, n):
    """Nothing limits such a lab but the CPUs; each program gets the rate that suits it best."""
    if program == "uftp":
        return {"rate": -1}
    if program == "norm":
        return {"rate": 400 if n == 1 else 300}
    return {}


def cell(program, n, rate, loss, size, opts={}, whole=False):
    shape = f"{rate} Mbit/s" if rate else "unshaped"
    words = [shape, f"{n} receiver{'s' * (n > 1)}", f"{loss} % loss", f"{size // MIB} MiB"]
    words += ["super-packets whole"] if whole else []
    words += [f"{k}={v}" for k, v in opts.items()]
    if not rate:
        opts = {**unshaped(program, n), **opts}
    return {"program": program, "group": ", ".join(words), "n": n, "rate": rate, "loss": loss,
            "size": size, "opts": opts, "whole": whole, "limit": 15 + size * 8 / SLOWEST}


def matrix(size, receivers, losses, rates, programs=PROGRAMS):
    return [cell(p, n, rate, loss, size) for rate in rates for n in receivers for loss in losses
            for p in programs if p != "blast" or not loss]


def targets():
    """The cells that the project's own figures are about."""
    cells = matrix(256 * MIB, [4], [0], [None])
    cells += matrix(256 * MIB, [1], [0], [1000], ("sow", "blast"))
    cells += matrix(64 * MIB, [4], [0], [100], ("sow", "blast"))
    cells += matrix(64 * MIB, [4], [1, 10], [100], ("sow", "udpcast", "uftp", "norm"))
    return cells


def speed():
    """sow beside the best lossless rate of a blaster that writes and hashes, too."""
    cells = []
    for whole in (True, False):
        for n, size in ((1, 1024), (4, 512), (16, 256)):
            for program, opts in (("blast", {"hash": 1}), ("sow", {}), ("tcp", {})):
                c = cell(program, n, None, 0, size * MIB, whole=whole)
                cells.append({**c, "opts": {**c["opts"], **opts}, "search": program == "blast"})
    return cells


def peers():
    """sow beside the others, wherever many receivers or many losses make a difference."""
    losses = (0, 1, 5, 10)
    others = ("sow", "udpcast", "uftp", "norm")
    return (matrix(64 * MIB, (1, 4, 16), losses, [100], others)
            + matrix(128 * MIB, (1, 4, 16), losses, [None], others))


PLANS = {
    "peers": lambda: (peers(), 1),
    "speed": lambda: (speed(), 3),
    "full": lambda: (matrix(256 * MIB, [1, 4, 8], [0, 1, 5], [1000, None]), 3),
    "targets": lambda: (targets(), 3),
    "quick": lambda: (matrix(32 * MIB, [1, 4], [0, 1], [1000, None]), 1),
}
