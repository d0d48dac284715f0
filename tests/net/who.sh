#!/usr/bin/env bash
# who.sh - sow --who lists who listens, and is no job for anybody.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow unshare hostname
lan 4
make_file file 4000000
make_file slow 20000000

# who [OPTION...]: its exit status is in $status
who()
{
	start who s "$SOW" --group "$group:$port" --interface eth0 --who "$@"
	finish who 10
}

# listed HOST ADDRESS STATE
listed()
{
	grep -Eq "^$1 +$2 +[0-9][^ ]* +$3 +[0-9.]+ [kMGT]?B\$" "$dir/who.log" || fail "$1 at $2 is not listed as $3"
}

who
[ "$status" = 5 ] || fail "sow --who ended with $status, with nobody there"
logged who "nobody there" || fail "it does not say that nobody is there"

# two clones, and one that waits no longer than 4 s for a job
for host in r1 r2; do
	mkdir -p "$dir/$host"
	start "reap-$host" "$host" unshare --uts sh -c 'hostname clone && exec "$@"' sh \
		"$REAP" --group "$group:$port" --interface eth0 --output "$dir/$host" --once --json
	wait_for 5 bound "$host" "$port" || fail "reap on $host does not listen"
done
reap_on r3 --wait 4
begin=${EPOCHREALTIME/[.,]/}
who --receivers 3 --wait 10
took=$((${EPOCHREALTIME/[.,]/} - begin))
[ "$status" = 0 ] || fail "sow --who ended with $status"
[ "$took" -lt 2000000 ] || fail "it took $took us though all three were there"
listed clone 10.77.0.11 idle
listed clone 10.77.0.12 idle
listed "$(hostname)" 10.77.0.13 idle
[ "$(grep -c . "$dir/who.log")" = 4 ] || fail "there is more than three receivers and the titles"
who --json
[ "$status" = 0 ] || fail "sow --who --json ended with $status"
[ "$(grep -c '"event":"listener"' "$dir/who.log")" = 3 ] || fail "not three listeners in JSON"
[ "$(grep -o '"node":"[0-9a-f]*"' "$dir/who.log" | sort -u | wc -l)" = 3 ] || fail "nodes are not distinct"
says who '"host":"clone","address":"10.77.0.11"' '"free_bytes":[0-9]' '"listeners":3,"exit":0'

expect 5 reap-r3 10 # the censuses were no job
gone reap-r1 && fail "reap --once took a census for a job"
grep -q . "$dir/reap-r1.log" && fail "reap reports a census"
sow_from s --receivers 2 --wait 10 "$dir/file"
expect 0 sow 30
delivered file r1 r2

reap_on r4
sow_from s --receivers 1 --wait 10 --rate 10M "$dir/slow"
wait_for 10 has_sent s 1000 || fail "nothing was sent"
who --receivers 1
listed "$(hostname)" 10.77.0.14 receiving
stop sow INT
