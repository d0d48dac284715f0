#!/usr/bin/env bash
# port_busy.sh - a port that another program keeps is an error that names it; two reaps share theirs.
# SPDX-License-Identifier: BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need sow socat
lan 1
make_file file 1000000
start squatter r1 socat -u "UDP4-RECV:$port" -
wait_for 5 bound r1 "$port" || fail "the squatter does not listen"
start reap r1 "$REAP" --group "$group:$port" --interface eth0 --output "$dir" --once
expect 2 reap 10
says reap "$port"
stop squatter

reap_on r1
mkdir "$dir/second"
start second r1 "$REAP" --group "$group:$port" --interface eth0 --output "$dir/second" --once
sow_from s --receivers 2 --wait 10 "$dir/file"
expect 0 sow 20
delivered file r1
expect 0 second 20
expect_same "$dir/file" "$dir/second/file"
