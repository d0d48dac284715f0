# lab.py - a sender, N receivers and a bridge in network namespaces: loss, rate, counters.
# SPDX-License-Identifier: BSD-2-Clause
"""
    s  eth0 --- p0 [ bridge br0 in b ] p1 --- eth0  r1
                                       p2 --- eth0  r2 ...

Everything lives in a private mount and network namespace (see enter()), so that nothing can be
left behind.  Loss is random and independent per receiver and per wire packet: segmentation
offloads are off, and nft drops on the egress of the bridge port, before the receiver's GRO.
Without loss they may be left on (`whole`): super-packets then cross as they are.
The rate is a tbf with the queue of a real interface on the sender's eth0.
"""
import ctypes
import json
import os
import subprocess
import sys
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
QUEUE = 1000            # packets in each interface's queue, as pfifo_fast has
MARK = "SOW_BENCH_NAMESPACE"
libc = ctypes.CDLL(None, use_errno=True)


def sh(cmd, text=None):
    done = subprocess.run(cmd, input=text, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(cmd)}: {done.stderr.strip()}")
    return done.stdout


def enter():
    """Start this program again in namespaces of its own; ordinary users get a user namespace."""
    if os.environ.get(MARK) != "1":
        os.environ[MARK] = "1"
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", *user, "--mount", "--net", sys.executable, *sys.argv])
    del os.environ[MARK]
    sh(["mount", "-t", "tmpfs", "lab", "/run"])


@contextmanager
def netns(name):
    """Run the body, and the processes it starts, in a namespace."""
    old = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    new = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(new, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
        yield
    finally:
        libc.setns(old, CLONE_NEWNET)
        os.close(old)
        os.close(new)


def read_counters():
    """Device, IP and UDP counters of the current namespace."""
    counters = {}
    with open("/proc/thread-self/net/dev") as f:
        for line in f:
            if ":" in line:
                dev, values = line.split(":", 1)
                v = values.split()
                counters[dev.strip()] = {"rx_packets": int(v[1]), "rx_drop": int(v[3]),
                                         "tx_bytes": int(v[8]), "tx_packets": int(v[9])}
    with open("/proc/thread-self/net/snmp") as f:
        lines = f.read().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        proto = names.split(":", 1)[0]
        for name, value in zip(names.split()[1:], values.split()[1:]):
            counters[f"{proto}.{name}"] = int(value)
    return counters


class Lab:
    sender_ip = "10.77.0.1"

    def __init__(self, n, rate=None, loss=0.0, gro=False, whole=False):
        self.n, self.rate, self.loss, self.gro, self.whole = n, rate, loss, gro, whole
        if whole and (rate or loss):
            raise ValueError("super-packets are neither lost nor shaped like packets")

    def ns(self, i):
        return "s" if i == 0 else f"r{i}"

    def ip(self, i):
        return self.sender_ip if i == 0 else f"10.77.1.{i}"

    def hosts(self):
        return range(self.n + 1)

    def receivers(self):
        return range(1, self.n + 1)

    def __enter__(self):
        try:
            self._wire()
            self._addresses()
            self._neighbours()
            if self.rate:
                self._shape()
            if self.loss:
                self._lose()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        have = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        for name in have:
            sh(["ip", "netns", "del", name])

    def _wire(self):
        batch = ["netns add b"] + [f"netns add {self.ns(i)}" for i in self.hosts()]
        batch += [f"link add p{i} mtu 1500 txqueuelen {QUEUE} netns b type veth peer name eth0 "
                  f"mtu 1500 txqueuelen {QUEUE} netns {self.ns(i)}" for i in self.hosts()]
        sh(["ip", "-batch", "-"], "\n".join(batch) + "\n")
        batch = ["link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
                 "link set br0 addrgenmode none", "link set br0 up"]
        for i in self.hosts():
            batch += [f"link set p{i} addrgenmode none", f"link set p{i} master br0",
                      f"link set p{i} up"]
        with netns("b"):
            sh(["ip", "-batch", "-"], "\n".join(batch) + "\n")
            for i in self.hosts():
                self._no_offload(f"p{i}")

    def _addresses(self):
        for i in self.hosts():
            with netns(self.ns(i)):
                sh(["ip", "-batch", "-"],
                   f"link set lo up\naddr add {self.ip(i)}/16 brd 10.77.255.255 dev eth0\n"
                   "link set eth0 addrgenmode none\nlink set eth0 up\n"
                   "route add 224.0.0.0/4 dev eth0\n")
                self._no_offload("eth0")

    def _neighbours(self):
        """Static ones: nothing is on the wire but the program under test."""
        mac = {}
        for i in self.hosts():
            with netns(self.ns(i)):
                mac[i] = json.loads(sh(["ip", "-j", "link", "show", "eth0"]))[0]["address"]
        for i in self.hosts():
            others = self.receivers() if i == 0 else [0]
            batch = [f"neigh replace {self.ip(j)} lladdr {mac[j]} dev eth0 nud permanent"
                     for j in others]
            with netns(self.ns(i)):
                sh(["ip", "-batch", "-"], "\n".join(batch) + "\n")

    def _no_offload(self, dev):
        """What crosses the bridge is at most an Ethernet frame."""
        if self.whole:
            return
        gro = "on" if self.gro and dev == "eth0" else "off"
        sh(["ethtool", "-K", dev, "tso", "off", "gso", "off", "tx-udp-segmentation", "off",
            "tx-gso-list", "off", "gro", gro])

    def _shape(self):
        burst = max(16384, min(65536, int(self.rate * 1e6 / 8 * 0.0005)))
        with netns("s"):
            sh(["tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate",
                f"{self.rate}mbit", "burst", str(burst), "limit", str(QUEUE * 1514)])

    def _lose(self):
        rules = ["table netdev lab {"]
        for i in self.receivers():
            rules.append(f'chain c{i} {{ type filter hook egress device "p{i}" priority 0;\n'
                         f"meta protocol ip counter\nmeta protocol ip numgen random mod 100000 "
                         f"< {round(self.loss * 1000)} counter drop\n}}")
        with netns("b"):
            sh(["nft", "-f", "-"], "\n".join(rules) + "\n}\n")

    def counters(self):
        """{host: counters, 'b': the bridge's, 'lost': emulated, 'shaped_away': dropped by tbf}"""
        found = {"lost": 0, "shaped_away": 0}
        for i in self.hosts():
            with netns(self.ns(i)):
                found[i] = read_counters()
        with netns("b"):
            found["b"] = read_counters()
            if self.loss:
                for item in json.loads(sh(["nft", "-j", "list", "table", "netdev", "lab"]))["nftables"]:
                    expr = item.get("rule", {}).get("expr", [])
                    if len(expr) == 4:
                        found["lost"] += expr[2]["counter"]["packets"]
        if self.rate:
            with netns("s"):
                found["shaped_away"] = sum(q.get("drops", 0) for q in json.loads(
                    sh(["tc", "-s", "-j", "qdisc", "show", "dev", "eth0"])))
        return found
