# report.py - medians of the records, as a Markdown table for each situation.
# SPDX-License-Identifier: BSD-2-Clause
import json
import os
import statistics

COLUMNS = (("goodput Mbit/s", "goodput"), ("CPU s/GB sender", "tx_cpu_per_gb"),
           ("CPU s/GB receiver", "rx_cpu_per_gb"), ("wire bytes / byte", "overhead"),
           ("feedback packets", "feedback"), ("socket drops", "rcvbuf_drops"),
           ("MB sender", "tx_rss_mb"), ("MB receiver", "rx_rss_mb"))


def load(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f]


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def text(value):
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def delivered(record):
    """The blaster has no goodput: what its worst receiver got, while it lasted."""
    return {**record, "goodput": record["extra"]["delivered_mbit"]} if "extra" in record else record


def row(program, records):
    usable = [r for r in records if r["ok"] or r["program"] == "blast"]
    complete = "–" if program == "blast" else f"{len(usable)} of {len(records)}"
    noisy = max((r["foreign"] for r in records), default=0)
    cells = [text(median([delivered(r).get(key) for r in usable])) for _, key in COLUMNS]
    return f"| {program} | {complete} | " + " | ".join(cells) + f" | {noisy:.0%} |"


def write(records, out):
    groups = {}
    for r in records:
        groups.setdefault(r["group"], {}).setdefault(r["program"], []).append(r)
    heads = ["program", "runs complete", *[head for head, _ in COLUMNS], "strangers' CPU"]
    for group, programs in groups.items():
        print(f"\n### {group}\n\n| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|", file=out)
        for program, rs in programs.items():
            print(row(program, rs), file=out)
