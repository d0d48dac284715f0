#!/usr/bin/env bash
# cron.sh - what a nightly run needs: silence, a lock, a log, a report, and to try again for some.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow unshare hostname
lan 3
make_file file 2000000

named()
{
	mkdir -p "$dir/$1"
	start "reap-$1" "$1" unshare --uts sh -c "hostname $2 && exec \"\$@\"" sh \
		"$REAP" --group "$group:$port" --interface eth0 --output "$dir/$1" --once
	wait_for 5 bound "$1" "$port" || fail "reap on $1 does not listen"
}

silent()
{
	[ ! -s "$dir/sow.log" ] || fail "it says something though nothing is wrong"
}

# one of three is not there
named r1 pc1
named r2 pc2
sow_from s --quiet --lock "$dir/lock" --log "$dir/log" --report "$dir/report" --to pc1,pc2,pc3 --wait 3 \
	"$dir/file"
wait_for 5 test -s "$dir/lock" || fail "there is no lock"
start other s "$SOW" --group "$group:$port" --interface eth0 --quiet --lock "$dir/lock" --wait 1 "$dir/file"
expect 2 other 5
says other "another run, process $(cat "$dir/lock"), holds it"
[ "$(wc -l <"$dir/other.log")" = 1 ] || fail "more than a line says so"
expect 4 sow 20
delivered file r1 r2
[ "$(wc -l <"$dir/sow.log")" = 2 ] || fail "it says more than what went wrong"
says sow "pc3: absent" "2 of 3 receivers complete"
for text in "waiting up to 3 s for 3 receivers" "sending to 2 receivers" "pc1 .10.77.0.11.: complete" \
	"pc3: absent" "2 of 3 receivers complete"; do
	grep -Eq "^20[0-9-]+ [0-9:]+ sow: $text" "$dir/log" || fail "'$text' is not in the log"
done
[ "$(grep -c '"event":"receiver"' "$dir/report")" = 3 ] || fail "the report has not three receivers"
grep -q '"host":"pc1","address":"10.77.0.11",.*"version":.*"digest_ok":true,"bytes":2000000,"needed_bytes":2000[0-9]*,' \
	"$dir/report" || fail "the report does not say all of pc1"
tail -n 1 "$dir/report" | grep -q '"event":"done".*"exit":4' || fail "the report has no end"

# now it is; the others are left alone, though one listens
named r3 pc3
named r1 pc1
lines=$(wc -l <"$dir/log")
sow_from s --quiet --lock "$dir/lock" --log "$dir/log" --report "$dir/report" --retry-failed "$dir/report" \
	--wait 10 "$dir/file"
expect 0 sow 20
silent
expect 0 reap-r3 20
expect_same "$dir/file" "$dir/r3/file"
[ "$(wc -l <"$dir/log")" -gt "$lines" ] || fail "nothing is appended to the log"
[ "$(grep -c '"event":"receiver"' "$dir/report")" = 1 ] || fail "the report has not one receiver"
finish reap-r1 20

# nothing is left to do
sow_from s --quiet --retry-failed "$dir/report" "$dir/file"
expect 0 sow 5
silent
sow_from s --retry-failed "$dir/log" "$dir/file"
expect 1 sow 5
says sow "is no report of sow"
for option in report metrics; do
	sow_from s "--$option" "$dir/no/such/directory/file" --wait 60 "$dir/file"
	expect 2 sow 5
	says sow "--$option $dir/no/such/directory/file: No such file or directory"
done
sow_from s --log "$dir/no/such/directory/log" "$dir/file"
expect 2 sow 5
says sow "--log $dir/no/such/directory/log: No such file or directory"
