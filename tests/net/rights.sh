#!/usr/bin/env bash
# rights.sh - what an ordinary user may not read or write is named, and keeps nothing else.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow setpriv
user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${user[@]}" true 2>/dev/null || skip "cannot become another user"
[ "$("${user[@]}" id -u)" = 65534 ] || skip "cannot become another user"
lan 1

# programs and directories that the user may reach
chmod 755 "$dir"
mkdir "$dir/bin"
cp "$SOW" "$REAP" "$dir/bin"
SOW=$dir/bin/sow
REAP=$dir/bin/reap
mkdir "$dir/out"
chown 65534 "$dir/out"
tree=$dir/tree
mkdir -p "$tree/d" "$tree/e"
head -c 500000 /dev/urandom >"$tree/d/changed"
printf x >"$tree/d/new"
printf x >"$tree/e/f"

# reap_as_user OPTION...
reap_as_user()
{
	start reap r1 "${user[@]}" "$REAP" --group "$group:$port" --interface eth0 --once "$@"
	wait_for 5 bound r1 "$port" || fail "reap does not listen"
}

# sow_as WHO... -- OPTION... PATH
sow_as()
{
	local who=()

	while [ "$1" != -- ]; do
		who+=("$1")
		shift
	done
	shift
	start sow s "${who[@]}" "$SOW" --group "$group:$port" --interface eth0 --receivers 1 \
		--wait 10 --rate 100M --digest-cache none "$@"
}

# An output directory that nothing can be put into is told before anybody is waited for.
mkdir "$dir/closed"
start reap r1 "${user[@]}" "$REAP" --group "$group:$port" --interface eth0 --once -o "$dir/closed"
expect 1 reap 5
says reap "--output $dir/closed: give a directory that you may write to: Permission denied"

# One that is closed later: the job is refused, and the sender told.
mkdir "$dir/later"
chown 65534 "$dir/later"
reap_as_user -o "$dir/later"
chown 0 "$dir/later"
sow_as -- "$tree"
expect 4 sow 20
expect 2 reap 20
says sow 'refused.*Permission denied in the output directory'
says reap 'refused: Permission denied in the output directory'
[ -z "$(ls -A "$dir/later")" ] || fail "something was left in a directory that was closed"

# A file that cannot be read is not known, and replaced; one in a directory of somebody else's
# is named, and all others arrive.
mkdir -p "$dir/out/tree/d" "$dir/out/tree/e"
head -c 500000 /dev/urandom >"$dir/out/tree/d/changed"
chmod 600 "$dir/out/tree/d/changed"
chown 65534 "$dir/out/tree" "$dir/out/tree/d"
reap_as_user -o "$dir/out"
sow_as -- "$tree"
expect 4 sow 20
expect 2 reap 20
expect_same "$tree/d/changed" "$dir/out/tree/d/changed"
expect_same "$tree/d/new" "$dir/out/tree/d/new"
[ ! -e "$dir/out/tree/e/f" ] || fail "a file came into a directory that is closed"
says reap 'tree/e/f.*failed: Permission denied'
says sow '2 of 3 files.*: tree/e/f: Permission denied'
chown 65534 "$dir/out/tree/e"
reap_as_user -o "$dir/out"
sow_as -- "$tree"
expect 0 sow 20
expect 0 reap 20
expect_same "$tree/e/f" "$dir/out/tree/e/f"

# A source that cannot be read is named; what else there is goes.
chmod 600 "$tree/d/new"
mkdir "$tree/closed"
printf x >"$tree/closed/f"
chmod 700 "$tree/closed"
rm -r "$dir/out/tree"
reap_as_user -o "$dir/out"
sow_as "${user[@]}" -- "$tree"
expect 4 sow 20
expect 0 reap 20
says sow 'tree/d/new: not sent: Permission denied' \
	'tree/closed: cannot read this directory: Permission denied'
expect_same "$tree/d/changed" "$dir/out/tree/d/changed"
expect_same "$tree/e/f" "$dir/out/tree/e/f"
[ ! -e "$dir/out/tree/d/new" ] || fail "what cannot be read came"
sow_as "${user[@]}" -- "$tree/d/new"
expect 1 sow 5
says sow "cannot read $tree/d/new: Permission denied"

# With --delete nothing goes from directories of which not all was sent.
printf x | "${user[@]}" tee "$dir/out/tree/d/old" "$dir/out/tree/closed/old" \
	"$dir/out/tree/e/old" >/dev/null
reap_as_user -o "$dir/out" --delete
sow_as "${user[@]}" -- --delete "$tree"
expect 4 sow 20
expect 0 reap 20
[ -e "$dir/out/tree/d/old" ] && [ -e "$dir/out/tree/closed/old" ] ||
	fail "something went from a directory that could not be read"
[ ! -e "$dir/out/tree/e/old" ] || fail "something stayed in a directory that was sent"

# What is not the user's to remove is named; the job is complete, and the rest is gone.
mkdir -p "$dir/out/tree/e/theirs"
printf x >"$dir/out/tree/e/theirs/x"
"${user[@]}" touch "$dir/out/tree/e/old"
reap_as_user -o "$dir/out" --delete
sow_as -- --delete "$tree/e" "$tree"
expect 4 sow 20
expect 4 reap 20
says reap 'tree/e/theirs/x: cannot be removed: Permission denied'
says sow 'not removed, .*tree/e/theirs/x: Permission denied'
[ ! -e "$dir/out/tree/e/old" ] || fail "one thing that stays kept the others"

# Sockets: a port that only root has, a control socket where there is no place for it, and that
# of another user.
start reap r1 "${user[@]}" "$REAP" --group "$group:387" --interface eth0 --once -o "$dir/out"
expect 2 reap 5
says reap 'port 387 is for root only: Permission denied; take another'
sow_as "${user[@]}" -- --control "$dir/closed/socket" "$tree/e"
expect 2 sow 5
says sow "--control $dir/closed/socket.*Permission denied"
sow_as -- --control "$dir/socket" "$tree/e"
wait_for 5 test -S "$dir/socket" || fail "there is no control socket"
tell=$PWD/tests/net/tell
cp "$tell" "$dir/bin"
"${user[@]}" "$dir/bin/tell" "$dir/socket" status >"$dir/tell.log" 2>&1 &&
	fail "another user may give orders"
says tell 'Permission denied'
"$tell" "$dir/socket" quit >/dev/null || fail "the user may not"
finish sow 10
