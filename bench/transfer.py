# transfer.py - one transfer in a lab: programs started, timed, verified, counted; one record.
# SPDX-License-Identifier: BSD-2-Clause
import hashlib
import importlib.util
import json
import os
import select
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from lab import netns

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("SOW_BUILD", os.getcwd())        # where make built everything
WORK = os.environ.get("SOW_BENCH_DIR", f"/dev/shm/sow-bench-{os.getuid()}")
GROUP = "239.77.0.1"


class Program:
    """One command in a namespace, started through nsrun."""

    def __init__(self, ns, argv, name, logdir, limit):
        self.name = name
        self.stat = os.path.join(logdir, name + ".stat")
        self.log = os.path.join(logdir, name + ".log")
        env = dict(os.environ, LD_PRELOAD=os.path.join(BUILD, "bench/bufshim.so"))
        with open(self.log, "wb") as log:
            self.p = subprocess.Popen(
                [os.path.join(BUILD, "bench/nsrun"), f"/run/netns/{ns}", self.stat, str(limit), *argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=logdir)
        self.pidfd = os.pidfd_open(self.p.pid)

    def exited(self):
        return self.p.poll() is not None

    def stop(self):
        if not self.exited():
            self.p.terminate()          # nsrun sends TERM, and KILL a second later
        self.p.wait()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    def usage(self):
        try:
            with open(self.stat) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()


class Context:
    """What an adapter sees."""
    iface, group = "eth0", GROUP

    def __init__(self, lab, src, opts):
        self.lab, self.src, self.opts = lab, src, opts
        self.n, self.rate, self.loss = lab.n, lab.rate, lab.loss
        self.sender_ip = lab.ip(0)
        self.size = os.path.getsize(src)
        self.build = BUILD
        self.dir = os.path.join(WORK, f"run-{os.getpid()}")
        self.logdir = os.path.join(self.dir, "log")
        self.rx, self.tx = {}, []
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.logdir)
        for i in lab.receivers():
            os.makedirs(self.rxdir(i))

    def ip(self, i):
        return self.lab.ip(i)

    def rxdir(self, i):
        return os.path.join(self.dir, f"r{i}")

    def out(self, i):
        return os.path.join(self.rxdir(i), os.path.basename(self.src))

    def opt(self, name, default):
        """An option of the run, as the type of its default."""
        value = self.opts.get(name, default)
        return value if default is None else type(default)(value)

    def bound(self, i, proto, port):
        """A socket of receiver i is bound to the port (tcp: listens on it)."""
        with netns(self.lab.ns(i)), open(f"/proc/thread-self/net/{proto}") as f:
            rows = [line.split() for line in f.read().splitlines()[1:]]
        return any(int(r[1].split(":")[1], 16) == port and (proto != "tcp" or r[3] == "0A")
                   for r in rows)


def load_adapter(name):
    path = os.path.join(HERE, "adapters", name + ".py")
    spec = importlib.util.spec_from_file_location("adapter_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digest(path):
    try:
        with open(path, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError:
        return None


def make_source(size):
    """A file of random bytes, kept between runs."""
    path = os.path.join(WORK, "src", f"f{size}.bin")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path) or os.path.getsize(path) != size:
        with open(path, "wb") as f:
            for left in range(size, 0, -(1 << 24)):
                f.write(os.urandom(min(left, 1 << 24)))
    return path


def cpu_times():
    """(all, busy) CPU seconds of the machine; a niced stranger's second weighs a fifth."""
    with open("/proc/stat") as f:
        v = [int(x) / os.sysconf("SC_CLK_TCK") for x in f.readline().split()[1:9]]
    return sum(v), sum(v) - v[3] - v[4] - 0.8 * v[1]


def wait_idle(limit):
    """Until strangers use little CPU, at most `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        a = cpu_times()
        time.sleep(0.25)
        b = cpu_times()
        if (b[1] - a[1]) <= 0.12 * (b[0] - a[0]):
            return


def start_receivers(ctx, adapter, limit):
    for i in ctx.lab.receivers():
        ctx.rx[i] = Program(ctx.lab.ns(i), adapter.receiver(ctx, i), f"rx{i}", ctx.logdir, limit + 60)
    end = time.monotonic() + 15
    while not all(adapter.ready(ctx, i) for i in ctx.rx):
        if time.monotonic() > end:
            raise RuntimeError("a receiver did not get ready: " + ctx.rx[1].output()[-300:])
        time.sleep(0.02)
    time.sleep(0.3)             # joins and greetings of the receivers, before the counters


def start_senders(ctx, adapter, limit):
    commands = adapter.sender(ctx)
    if isinstance(commands[0], str):
        commands = [commands]
    for k, argv in enumerate(commands):
        ctx.tx.append(Program("s", argv, f"tx{k}", ctx.logdir, limit))


def watch(ctx, adapter, limit):
    """Until all have ended or the time is up; {receiver: when its copy was complete}."""
    exits = getattr(adapter, "EXITS", True)
    grace = getattr(adapter, "GRACE", 5.0)
    done, sent_at, start = {}, None, time.monotonic()
    poll = select.poll()
    for p in list(ctx.rx.values()) + ctx.tx:
        poll.register(p.pidfd, select.POLLIN)
    while time.monotonic() - start < limit:
        now = time.monotonic()
        for i, p in ctx.rx.items():
            if i not in done and (p.exited() or not exits and adapter.done(ctx, i)):
                done[i] = now
        if all(p.exited() for p in ctx.tx):
            sent_at = sent_at or now
            if len(done) == len(ctx.rx) or now - sent_at > grace:
                break
        for fd, _ in poll.poll(50 if exits else 5):
            poll.unregister(fd)
    return done, sent_at is None


def stop_all(ctx):
    programs = ctx.tx + list(ctx.rx.values())
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(Program.stop, programs))


def cpu_of(usage):
    return usage.get("utime", 0) + usage.get("stime", 0)


def times(ctx, adapter, done, good, timed_out):
    """Seconds from the sender's start to its end and to the last good receiver's."""
    usage = [p.usage() for p in ctx.tx]
    start = min(u["t0"] for u in usage)
    sender = max(u["t1"] for u in usage) - start
    if getattr(adapter, "EXITS", True):
        done = {i: ctx.rx[i].usage().get("t1", t) for i, t in done.items()}
    last = max((done[i] - start for i in good if i in done), default=None)
    wall = None if timed_out or last is None else max(sender, last)
    return sender, last, wall


def traffic(ctx, before, after):
    """What the counters say of the transfer."""
    rx = ctx.lab.receivers()

    def dev(host, name, key):
        return after[host][name][key] - before[host][name][key]

    def snmp(host, key):
        return after[host].get(key, 0) - before[host].get(key, 0)

    bridge = [d for d in after["b"] if isinstance(after["b"][d], dict)]
    return {
        "wire_bytes": dev(0, "eth0", "tx_bytes"), "wire_packets": dev(0, "eth0", "tx_packets"),
        "overhead": round(dev(0, "eth0", "tx_bytes") / max(1, ctx.size), 4),
        "feedback": sum(dev(i, "eth0", "tx_packets") for i in rx),
        "rcvbuf_drops": sum(snmp(i, "Udp.RcvbufErrors") for i in rx),
        "device_drops": sum(dev(i, "eth0", "rx_drop") for i in rx)
        + sum(dev("b", d, "rx_drop") for d in bridge),
        "fragments": snmp(0, "Ip.FragCreates"),
        "lost": after["lost"] - before["lost"],
        "shaped_away": after["shaped_away"] - before["shaped_away"],
    }


def effort(ctx, cpu0, cpu1):
    """CPU seconds for each GB of source, memory, and the share of strangers in the CPUs."""
    gb = max(1, ctx.size) / 1e9
    tx, rx = [p.usage() for p in ctx.tx], [p.usage() for p in ctx.rx.values()]
    ours = sum(map(cpu_of, tx + rx))
    return {
        "tx_cpu_per_gb": round(sum(map(cpu_of, tx)) / gb, 3),
        "tx_user_per_gb": round(sum(u.get("utime", 0) for u in tx) / gb, 3),
        "rx_cpu_per_gb": round(sum(map(cpu_of, rx)) / len(rx) / gb, 3),
        "tx_rss_mb": round(max(u.get("maxrss_kb", 0) for u in tx) / 1024, 1),
        "rx_rss_mb": round(max(u.get("maxrss_kb", 0) for u in rx) / 1024, 1),
        "exits": [sorted({str(u.get("exit")) for u in side}) for side in (tx, rx)],
        "foreign": round(max(0, cpu1[1] - cpu0[1] - ours) / max(0.1, cpu1[0] - cpu0[0]), 3),
    }


def run(lab, adapter, src, opts, limit, idle=20.0):
    """One transfer of `src`; the record, with the ends of the logs when it failed."""
    wait_idle(idle)
    ctx = Context(lab, src, opts)
    try:
        start_receivers(ctx, adapter, limit)
        before, cpu0 = lab.counters(), cpu_times()
        start_senders(ctx, adapter, limit)
        done, timed_out = watch(ctx, adapter, limit)
        cpu1, after = cpu_times(), lab.counters()
        stop_all(ctx)
        want = digest(src)
        good = [i for i in ctx.rx if digest(ctx.out(i)) == want]
        sender, last, wall = times(ctx, adapter, done, good, timed_out)
        record = {"n": lab.n, "rate": lab.rate, "loss": lab.loss, "size": ctx.size, "opts": opts,
                  "good": len(good), "ok": len(good) == lab.n and not timed_out,
                  "timeout": timed_out, "wall": wall, "t_sender": sender, "t_last": last,
                  "goodput": round(ctx.size * 8e-6 / wall, 2) if wall else None}
        record.update(traffic(ctx, before, after), **effort(ctx, cpu0, cpu1))
        if hasattr(adapter, "extra"):
            record["extra"] = adapter.extra(ctx)
        if not record["ok"]:
            record["logs"] = {p.name: p.output()[-500:] for p in ctx.tx + list(ctx.rx.values())[:2]}
        return record
    finally:
        stop_all(ctx)
        shutil.rmtree(ctx.dir, ignore_errors=True)
