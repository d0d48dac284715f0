#!/usr/bin/env bash
# expected.sh - sow --to: who is named is waited for and reported, whoever else listens is not.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow unshare hostname
lan 4
make_file file 4000000

# named HOST NAME [OPTION...]: reap on a host that has this name
named()
{
	local host=$1 name=$2

	shift 2
	mkdir -p "$dir/$host"
	start "reap-$host" "$host" unshare --uts sh -c "hostname $name && exec \"\$@\"" sh \
		"$REAP" --group "$group:$port" --interface eth0 --output "$dir/$host" --once "$@"
	wait_for 5 bound "$host" "$port" || fail "reap on $host does not listen"
}

# all are there: it starts at once, though one comes late, and a stranger listens, too
named r4 stranger
sow_from s --to pc1,pc2 --to 10.77.0.13 --wait 60 --json "$dir/file"
named r1 pc1.example.org
named r2 PC2
wait_for 1 logged reap-r2 . && fail "it starts before all are there"
named r3 other
expect 0 sow 30
delivered file r1 r2 r3
[ "$(grep -c '"event":"receiver"' "$dir/sow.log")" = 3 ] || fail "not three receivers in the report"
logged sow stranger && fail "the stranger is in the report"
says sow '"receivers":3,"complete":3'
finish reap-r4 20

# one does not come: the others get it after the wait, and it is named
printf 'pc1 # here\npc2\npc9\n' >"$dir/hosts"
named r1 pc1
named r2 pc2
rm -f "$dir"/r?/file
sow_from s --to "@$dir/hosts" --wait 2 "$dir/file"
expect 4 sow 30
says sow "pc9: absent" "2 of 3 receivers complete"
delivered file r1 r2

# nobody of them comes, whoever else is there
named r4 stranger
sow_from s --to pc9,pc8 --wait 1 "$dir/file"
expect 5 sow 10
says sow "pc9: absent" "pc8: absent" "no receiver of those named answered"
# and is told so: it need not notice the silence
finish reap-r4 4
