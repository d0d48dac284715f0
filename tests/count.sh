#!/bin/sh
# count.sh - after `make check`: what passed, what failed, and why.
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: count.sh BUILD-DIR...
# Counts test functions where a program reports them (cmocka's last lines), else the program or
# script as one. Prints the logs of what failed and the reasons of what was skipped, then
# "N passed, N failed". Fails when something did, or when there was nothing to count.
set -eu

passed=0 failed=0

# cmocka's "[  PASSED  ] 4 test(s)." and "[  FAILED  ] 1 test(s), listed below:", summed.
cmocka() {
	awk -v what="$1" '
	index($0, "[  " what "  ]") == 1 && $5 ~ /^test\(s\)/ { n += $4 }
	END { print n + 0 }' "$2"
}

for dir in "$@"; do
	for trs in $(find "$dir" -name '*.trs' | LC_ALL=C sort); do
		log=${trs%.trs}.log
		result=$(sed -n 's/^:global-test-result: //p' "$trs")
		ok=$(cmocka PASSED "$log") bad=$(cmocka FAILED "$log")
		case $result in
		PASS)
			[ "$ok" -gt 0 ] || ok=1
			;;
		SKIP)
			echo "skipped ${log%.log}: $(tail -n 2 "$log" | head -n 1)"
			continue
			;;
		*)
			[ "$bad" -gt 0 ] || bad=1
			echo "--- $log"
			cat "$log"
			;;
		esac
		passed=$((passed + ok)) failed=$((failed + bad))
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
