#!/usr/bin/env bash
# jobs.sh - what jobs cost: many files, changed images, a killed reap, a slow receiver, compression; `make bench-jobs` starts it.
# SPDX-License-Identifier: BSD-2-Clause
#
# jobs.sh [CASE...]   files delta resume straggler compress; copies lie in $SOW_BENCH_DIR (/dev/shm)
: "${NET_LIMIT:=1800}"
export NET_LIMIT TMPDIR="${SOW_BENCH_DIR:-/dev/shm}"
. "$(dirname "$0")/../tests/net/lib.sh"
need sow ethtool python3
cases=("$@")
[ $# -gt 0 ] || cases=(files delta resume straggler compress)
lan 4

# seconds between two EPOCHREALTIMEs
seconds()
{
	printf '%d.%03d' $((($2 - $1) / 1000000)) $((($2 - $1) / 1000 % 1000))
}

now()
{
	printf '%s' "${EPOCHREALTIME/[.,]/}"
}

# transfer HOSTS OPTION... PATH: sets took (s) and cost (packets that sow's host sent)
transfer()
{
	local hosts=$1 host begin

	shift
	for host in $hosts; do
		reap_on "$host"
	done
	cost=$(sent s)
	begin=$(now)
	sow_from s --receivers "$(wc -w <<<"$hosts")" --wait 20 "$@"
	expect 0 sow 600
	took=$(seconds "$begin" "$(now)")
	cost=$(($(sent s) - cost))
	for host in $hosts; do
		expect 0 "reap-$host" 60
	done
}

# --- 100 000 files of 1 to 4 KB, and one file of as many bytes

# many_files DIR COUNT
many_files()
{
	python3 - "$1" "$2" <<-'END'
		import os, random, sys
		random.seed(1)
		noise, top = os.urandom(1 << 20), sys.argv[1]
		for i in range(int(sys.argv[2])):
		    if i % 1000 == 0:
		        os.makedirs(f"{top}/d{i // 1000:03}")
		    size = random.randint(1024, 4096)
		    at = random.randint(0, len(noise) - size)
		    with open(f"{top}/d{i // 1000:03}/f{i}", "wb") as f:
		        f.write(noise[at:at + size])
	END
}

# The same by UFTP, for as many files as somebody has patience for.
uftp_files()
{
	local host begin

	command -v uftp uftpd >/dev/null || { say "files: uftp is not here"; return; }
	many_files "$dir/few" 300
	for host in r1 r2; do
		mkdir -p "$dir/$host"
		start "uftpd-$host" "$host" uftpd -d -I eth0 -M 239.77.0.1 -D "$dir/$host" -U "0x0A4D010${host#r}" \
			-q -t -x 0 -B 4194304 -c 20971520
		wait_for 5 bound "$host" 1044 || fail "uftpd does not listen"
	done
	begin=$(now)
	start uftp s uftp -I eth0 -M 239.77.0.1 -P 239.77.0.4 -R 900000 -b 1420 -B 4194304 -x 1 \
		-r 0.02:0.01:2 -s 20 -H 0x0A4D0101,0x0A4D0102 "$dir/few"
	finish uftp 300
	[ "$(find "$dir/r1" "$dir/r2" -type f | wc -l)" = 600 ] || fail "UFTP did not deliver"
	printf 'files: 300 in a tree by UFTP at 900 Mbit/s: %s s\n' "$(seconds "$begin" "$(now)")"
	stop uftpd-r1
	stop uftpd-r2
	rm -rf "$dir/few" "$dir"/r[12]
}

case_files()
{
	local bytes rate

	uftp_files
	many_files "$dir/tree" 100000
	bytes=$(find "$dir/tree" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
	head -c "$bytes" /dev/urandom >"$dir/one"
	for rate in 100M 900M auto; do
		transfer "r1 r2" --digest-cache none --rate "$rate" "$dir/one"
		printf 'files: one of %d bytes, rate %s: %s s\n' "$bytes" "$rate" "$took"
		rm -rf "$dir"/r[12]
		transfer "r1 r2" --digest-cache none --rate "$rate" "$dir/tree"
		printf 'files: %d in a tree, rate %s: %s s\n' "$(find "$dir/tree" -type f | wc -l)" "$rate" "$took"
		diff -r "$dir/tree" "$dir/r2/tree" >/dev/null || fail "the tree is not the same"
		rm -rf "$dir"/r[12]
	done
	rm -rf "$dir/tree" "$dir/one"
}

# --- yesterday's image at four receivers

case_delta()
{
	local i image packets

	offloads_off # to count packets
	head -c 1G /dev/urandom >"$dir/image"
	packets=$(((1 << 30) / 1400))
	transfer "r1 r2 r3 r4" --digest-cache none "$dir/image"
	printf 'delta: 1 GiB to four that have nothing: %d packets of %d, %s s\n' "$cost" "$packets" "$took"
	transfer "r1 r2 r3 r4" --digest-cache none "$dir/image"
	printf 'delta: nothing changed: %d packets, %s s\n' "$cost" "$took"
	for ((i = 0; i < 82; i++)); do
		printf 'changed %d' "$i" |
			dd of="$dir/image" bs=1 seek=$((i * 49 * 262144 + 777)) conv=notrunc status=none
	done
	transfer "r1 r2 r3 r4" --digest-cache none "$dir/image"
	printf 'delta: 82 of 4096 chunks (2 %%) changed: %d packets, %s %% of it, %s s\n' "$cost" \
		"$(awk "BEGIN { printf \"%.2f\", 100 * $cost / $packets }")" "$took"
	for image in "$dir"/r?/image; do
		expect_same "$dir/image" "$image"
	done
	rm -rf "$dir"/r? "$dir/image"
}

# --- reap is killed half way, and started again; 1 % loss

# share PACKETS: of the image, in per cent
share()
{
	awk "BEGIN { printf \"%.1f\", 100 * $1 * 1400 / $image_size }"
}

half_reached()
{
	[ "$(data r1)" -ge $((packets / 2)) ]
}

# kill_half_way HOST...: as many receivers, and r1's is killed when half has come; sets before
kill_half_way()
{
	local host

	loss 1 "$@"
	count_data r1
	for host in "$@"; do
		reap_on "$host"
	done
	sow_from s --receivers $# --wait 10 --rate 200M --digest-cache none "$dir/image"
	wait_for 60 half_reached || fail "half was not sent"
	stop reap-r1 KILL
	before=$(data r1)
}

# The dead one stays silent: sow ends with 4.
case_resume()
{
	local image_size=200000000 packets=$((200000000 / 1400)) hosts before host

	make_file image $image_size
	for hosts in r1 "r1 r2"; do
		# shellcheck disable=SC2086
		kill_half_way $hosts
		reap_on r1
		expect 0 reap-r1 120
		printf 'resume: %d receivers, one killed with %s %% and back in the same run: it gets %s %% again\n' \
			"$(wc -w <<<"$hosts")" "$(share "$before")" "$(share $(($(data r1) - before)))"
		expect 4 sow 120
		for host in $hosts; do
			expect_same "$dir/image" "$dir/$host/image"
			[ "$host" = r1 ] || expect 0 "reap-$host" 60
		done
		rm -rf "$dir"/r?

		# shellcheck disable=SC2086
		kill_half_way $hosts
		for host in $hosts; do
			[ "$host" = r1 ] || stop "reap-$host" KILL
		done
		stop sow
		transfer "$hosts" --rate 200M --digest-cache none "$dir/image"
		printf 'resume: %d receivers, killed with %s %%, in a new run: it gets %s %% again\n' \
			"$(wc -w <<<"$hosts")" "$(share "$before")" "$(share $(($(data r1) - before)))"
		for host in $hosts; do
			expect_same "$dir/image" "$dir/$host/image"
		done
		rm -rf "$dir"/r?
	done
	rm "$dir/image"
}

# --- one of four has 50 Mbit/s, the others 1 Gbit/s

stored_at()
{
	date -r "$dir/$1.done" +%s.%N
}

case_straggler()
{
	local slow host begin worst

	make_file image 134217728
	offloads_off
	rate 1000
	for slow in no yes; do
		[ $slow = no ] || in_ns b tc qdisc add dev "${plugs[r4/eth0]}" root tbf rate 50mbit burst 32k limit 300000
		for host in r1 r2 r3 r4; do
			reap_on $host --exec "touch $dir/$host.done"
		done
		begin=$(date +%s.%N)
		sow_from s --receivers 4 --wait 10 --digest-cache none "$dir/image"
		finish sow 300
		for host in r1 r2 r3 r4; do
			expect 0 reap-$host 60
		done
		worst=$(for host in r1 r2 r3; do stored_at $host; done | sort -n | tail -n 1)
		printf 'straggler: r4 slow: %s; the other three have it after %s s, r4 after %s s, sow ended with %s\n' $slow \
			"$(awk "BEGIN { printf \"%.2f\", $worst - $begin }")" \
			"$(awk "BEGIN { printf \"%.2f\", $(stored_at r4) - $begin }")" "$status"
		rm -rf "$dir"/r? "$dir"/*.done
	done
	rm "$dir/image"
}

# --- text, programs and noise to two receivers at 100 Mbit/s, as they are and compressed

# cpu COMMAND...: its user and system time, s; what it says goes to cpu.log
cpu()
{
	local TIMEFORMAT='%U %S'

	{ time "$@" >"$dir/cpu.log" 2>&1; } 2>&1 | awk '{ print $1 + $2 }'
}

# nobody OPTION... PATH: sow looks through it, and for receivers, in vain
nobody()
{
	cpu ip netns exec s "$SOW" --group 239.83.87.9 --interface eth0 --wait 0.1 "$@"
}

compress_one()
{
	local name=$1 path=$2 bytes plain squeezed how

	bytes=$(find "$path" -type f -printf '%s %D.%i\n' | sort -u -k 2 | awk '{ n += $1 } END { print n }')
	nobody --digest-cache "$dir/digests" "$path" >/dev/null # reads it once, and hashes what is little
	plain=$(nobody --digest-cache "$dir/digests" "$path")
	squeezed=$(nobody --compress --digest-cache none "$path")
	printf 'compress: %s, %d bytes in %d files: %s; %.0f MB/s of CPU time, hashes included\n' "$name" \
		"$bytes" "$(find "$path" -type f | wc -l)" "$(sed -n 's/sow: //; /^compressed/p' "$dir/cpu.log")" \
		"$(awk "BEGIN { print $bytes / 1e6 / ($squeezed - $plain) }")"
	for how in "" --compress; do
		before=$(in_ns s cat /sys/class/net/eth0/statistics/tx_bytes)
		# shellcheck disable=SC2086
		transfer "r1 r2" --digest-cache none $how "$path"
		printf 'compress: %s at 100 Mbit/s %s: %d bytes on the wire, %s s\n' "$name" "${how:-as it is}" \
			$(($(in_ns s cat /sys/class/net/eth0/statistics/tx_bytes) - before)) "$took"
		diff -r --no-dereference "$path" "$dir/r2/$(basename "$path")" >/dev/null || fail "it is not the same"
		rm -rf "$dir"/r[12]
	done
}

case_compress()
{
	local before

	offloads_off
	rate 100
	compress_one text /usr/include
	mkdir "$dir/programs" "$dir/noise"
	find /usr/bin -maxdepth 1 -type f -size +100k -exec cp {} "$dir/programs" \; 2>/dev/null
	compress_one programs "$dir/programs"
	head -c 100000000 /dev/urandom >"$dir/noise/noise"
	compress_one noise "$dir/noise"
	rm -rf "$dir/programs" "$dir/noise"
}

for name in "${cases[@]}"; do
	"case_$name"
done
