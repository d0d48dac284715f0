#!/usr/bin/env python3
# bench.py - runs a plan, one program at a time, and prints the medians; `make bench` starts it.
# SPDX-License-Identifier: BSD-2-Clause
"""
bench.py quick|targets|speed|peers|full [--only TEXT]   a plan of plan.py; goes on where it was interrupted
bench.py run PROGRAM [-n N] [...]           one transfer by hand
bench.py check                              proves that the lab does what it says
bench.py report FILE                        the table of a file of records
"""
import argparse
import json
import os
import shutil
import sys

import lab
import plan
import report
import transfer

SEARCH = 8              # runs of the blaster to find its best lossless rate
TOOLS = {"udpcast": "udp-sender", "uftp": "uftp", "tcp": "socat"}


def missing(program):
    """What stands in the way of a program, or None."""
    own = {"sow": ("sow", "reap"), "norm": ("tests/interop/norm_peer",)}.get(program, ())
    for path in own:
        if not os.path.exists(os.path.join(transfer.BUILD, path)):
            return f"{path} is not built"
    tool = TOOLS.get(program)
    return f"{tool} is not installed" if tool and not shutil.which(tool) else None


def measure(cell, where):
    src = transfer.make_source(cell["size"])
    adapter = transfer.load_adapter(cell["program"])
    run = lossless if cell.get("search") else transfer.run
    record = run(where, adapter, src, cell["opts"], cell["limit"])
    return {"group": cell["group"], "program": cell["program"], **record}


def lossless(where, adapter, src, opts, limit):
    """The blaster at the highest rate found, by bisection, at which every receiver got all."""
    best, low, high, rate = None, 0, None, 0
    for _ in range(SEARCH):
        record = transfer.run(where, adapter, src, {**opts, "rate": rate}, limit)
        speed = record["extra"]["delivered_mbit"]
        if record["extra"]["delivered"] == 1 and (not best or speed > best["extra"]["delivered_mbit"]):
            best = record
        if not rate and record["extra"]["delivered"] == 1:
            break               # it does not lose however fast it sends
        if not rate:
            high = record["extra"]["sent_mbit"]
        elif record["extra"]["delivered"] == 1:
            low = rate
        else:
            high = rate
        rate = (low + high) / 2
    return best or record


def line(r):
    keys = "goodput wall overhead feedback rcvbuf_drops tx_cpu_per_gb rx_cpu_per_gb foreign"
    parts = [f"{k}={r[k] if not isinstance(r[k], float) else round(r[k], 3)}" for k in keys.split()]
    parts += [f"delivered={r['extra']['delivered']}"] if "extra" in r else []
    state = "ok" if r["ok"] else "TIMEOUT" if r["timeout"] else f"{r['good']} of {r['n']} good"
    return f"{r['group']}: {r['program']} {state} " + " ".join(parts)


def pending(cells, repeats, records):
    """Cells to run, the least tried first; two failures are enough of one."""
    def of(c):
        return [r for r in records if (r["group"], r["program"]) == (c["group"], c["program"])]
    tried = {id(c): of(c) for c in cells}
    todo = [c for c in cells if len(tried[id(c)]) < repeats and sum(
        not r["ok"] and r["program"] != "blast" for r in tried[id(c)]) < 2]
    fewest = min((len(tried[id(c)]) for c in todo), default=0)
    return [c for c in todo if len(tried[id(c)]) == fewest]


def run_plan(name, only):
    cells, repeats = plan.PLANS[name]()
    cells = [c for c in cells if only in c["group"] + " " + c["program"]]
    for program in sorted({c["program"] for c in cells}):
        if missing(program):
            print(f"without {program}: {missing(program)}")
            cells = [c for c in cells if c["program"] != program]
    path = os.path.join(transfer.BUILD, f"bench/{name}.jsonl")
    records = report.load(path)
    while todo := pending(cells, repeats, records):
        for shape in sorted({(c["n"], c["rate"] or 0, c["loss"], c["whole"]) for c in todo}):
            here = [c for c in todo if (c["n"], c["rate"] or 0, c["loss"], c["whole"]) == shape]
            with lab.Lab(*shape[:3], whole=shape[3]) as where:
                for c in here:
                    records.append(measure(c, where))
                    print(line(records[-1]), flush=True)
                    with open(path, "a") as f:
                        f.write(json.dumps(records[-1]) + "\n")
    report.write(records, sys.stdout)
    print(f"\nrecords: {path} (remove it to measure again)")


def run_one(a):
    opts = dict(o.split("=", 1) for o in a.opt)
    cell = plan.cell(a.program, a.n, a.rate, a.loss, int(a.size * plan.MIB), opts, a.whole)
    cell["search"] = a.search
    with lab.Lab(a.n, a.rate, a.loss, a.gro, a.whole) as where:
        for _ in range(a.repeat):
            r = measure(cell, where)
            print(json.dumps(r, indent=1) if a.verbose else line(r), flush=True)
            if not r["ok"] and a.program != "blast":
                print(json.dumps(r["logs"], indent=1))


def near(value, expect, sigma):
    return abs(value - expect) <= 5 * sigma + 3


def check():
    """Loss is per wire packet, independent, of the right size; the shaper and the counters work."""
    size, failures = 32 * plan.MIB, 0

    def verdict(good, what):
        nonlocal failures
        failures += not good
        print("ok  " if good else "FAIL", what)

    packets = -(-size // 1456)
    for loss in (0, 1, 10):
        with lab.Lab(2, None, loss) as where:
            r = measure(plan.cell("blast", 2, None, loss, size, {"rate": 400}), where)
            got = [x["packets"] for x in r["extra"]["rx"]]
            verdict(near(r["wire_packets"], packets + 10, 3), f"{packets} packets sent, {r['wire_packets']} on the wire")
            expect, sd = packets * loss / 100, (packets * loss / 100) ** 0.5
            for x in r["extra"]["rx"]:
                verdict(near(packets - x["packets"], expect, sd), f"{loss} %: lost {packets - x['packets']} of {expect:.0f}")
                gaps = expect * (1 - loss / 100)
                verdict(near(x["gaps"], gaps, gaps ** 0.5), f"{loss} %: {x['gaps']} gaps of {gaps:.0f}")
            verdict(near(r["lost"], 2 * packets - sum(got), 5), f"{loss} %: nft counted {r['lost']}")
    with lab.Lab(1, 1000) as where:
        r = measure(plan.cell("blast", 1, 1000, 0, 4 * size), where)
        mbit = r["extra"]["delivered_mbit"] * 1514 / 1456
        verdict(950 < mbit < 1020, f"shaped to 1000 Mbit/s: {mbit:.0f} with headers")
    return 1 if failures else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    for name in plan.PLANS:
        sub.add_parser(name).add_argument("--only", default="", help="cells whose name has this text")
    sub.add_parser("check")
    sub.add_parser("report").add_argument("file")
    one = sub.add_parser("run")
    one.add_argument("program", choices=plan.PROGRAMS)
    one.add_argument("-n", type=int, default=4, help="receivers")
    one.add_argument("--size", type=float, default=64, help="MiB")
    one.add_argument("--rate", type=int, help="of the link, Mbit/s")
    one.add_argument("--loss", type=float, default=0, help="percent")
    one.add_argument("--gro", action="store_true", help="receivers' interfaces do GRO")
    one.add_argument("--whole", action="store_true", help="super-packets cross whole")
    one.add_argument("--search", action="store_true", help="blast: its best lossless rate")
    one.add_argument("--opt", "-o", action="append", default=[], help="KEY=VALUE for the adapter")
    one.add_argument("--repeat", type=int, default=1)
    one.add_argument("-v", "--verbose", action="store_true")
    a = p.parse_args()
    if a.what == "report":
        report.write(report.load(a.file), sys.stdout)
        return 0
    lab.enter()
    if a.what == "check":
        return check()
    return run_one(a) if a.what == "run" else run_plan(a.what, a.only)


if __name__ == "__main__":
    sys.exit(main())
