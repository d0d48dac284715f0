#!/bin/sh
# service.sh - systemd understands dist/reap.service, and calls it well confined.
# SPDX-License-Identifier: BSD-2-Clause
set -eu

command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
[ -x ./reap ] || { echo "skipped: reap is not built"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed "s|^ExecStart=[^ ]*/reap|ExecStart=$PWD/reap|" dist/reap.service >"$dir/reap.service"
grep -q "^ExecStart=$PWD/reap " "$dir/reap.service"
said=$(systemd-analyze verify --man=no --recursive-errors=no "$dir/reap.service" 2>&1) || {
	printf '%s\n' "$said"
	exit 1
}
[ -z "$said" ] || { printf '%s\n' "$said"; exit 1; }
# exposure in tenths, of 100
systemd-analyze security --help | grep -q -e --offline || { echo "not rated: an old systemd"; exit 0; }
systemd-analyze security --offline=yes --threshold=20 "$dir/reap.service" >"$dir/rating" || {
	cat "$dir/rating"
	exit 1
}
