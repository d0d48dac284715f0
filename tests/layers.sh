#!/bin/sh
# layers.sh - the rules of the house that a machine can check: includes, calls, sizes, headers.
# SPDX-License-Identifier: BSD-2-Clause
#
# Prints a line for each violation and fails when there is one.
set -eu
cd "${srcdir:-.}"

# The layer of each noun in proto/; NAME_part.c belongs to NAME. A file includes its own layer
# or lower ones.
layers='
0 arena bitmap bytes counters key piece ranges recent serial types varint
1 census ext jobinfo manifest msg poll quant report request wire
2 fec fft16 layout pool rs rxblock rxlarge rxtimer txblock txlarge work
3 backoff cc fare grtt loss nack pacer rate ratepeer repair replay roster spread threshold
4 object rx tx
'
product='proto common sender receiver'
all="$product tests bench"

c_files() {
	for dir in "$@"; do
		find "$dir" -name '*.[ch]'
	done | LC_ALL=C sort
}

# Who may include whom, by directory; includes name the directory.
includes() {
	awk -v layers="$layers" '
	BEGIN {
		n = split(layers, row, "\n")
		for (i = 1; i <= n; i++) {
			m = split(row[i], noun, " ")
			for (j = 2; j <= m; j++)
				layer[noun[j]] = noun[1]
		}
		may["proto"] = " proto "
		may["common"] = " common "
		may["sender"] = " sender common proto "
		may["receiver"] = " receiver common proto "
		may["tests"] = may["bench"] = " sender receiver common proto tests bench "
	}
	function bad(text) {
		printf "%s:%d: %s\n", FILENAME, FNR, text
	}
	function layer_of(path, name) {
		name = path
		sub(/^.*\//, "", name)
		sub(/\.[ch]$/, "", name)
		sub(/_.*$/, "", name)
		return name in layer ? layer[name] : -1
	}
	FNR == 1 {
		split(FILENAME, at, "/")
		dir = at[1]
		if (dir == "proto" && layer_of(FILENAME) < 0)
			bad("give it a layer in tests/layers.sh")
	}
	/^#include "/ {
		split($2, part, "\"")
		target = part[2]
		if (target == "config.h")
			next
		if (target !~ /\//) {
			bad("name the directory: " target)
			next
		}
		split(target, to, "/")
		if (index(may[dir], " " to[1] " ") == 0)
			bad(dir "/ does not include " target)
		else if (dir == "proto" && layer_of(target) > layer_of(FILENAME))
			bad("a higher layer: " target)
	}
	/^#include </ && dir == "proto" &&
	    $2 !~ /^<(assert|errno|immintrin|limits|math|stdbool|stddef|stdint|stdlib|string|isa-l\/.*|zlib)(\.h)?>$/ {
		bad("proto/ is pure: " $2)
	}' $(c_files $all)
}

# Calls that are never right here; the clock has one reader.
calls() {
	c_files $all | xargs grep -nE \
		'\<(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|rand|srand|alloca|system)\(' |
		sed 's/$/    <- banned/'
	c_files $product | grep -v '^common/clock\.c$' | xargs grep -nE \
		'\<(clock_gettime|gettimeofday|time)\(' | sed 's/$/    <- only clock.c/'
	c_files $all | xargs grep -nE '^typedef struct' | sed 's/$/    <- say struct/'
	c_files $all | xargs grep -nEw 'TODO|FIXME|XXX' | sed 's/$/    <- do it, or leave it/'
}

# A file is read in one sitting, a function on a screen or two, and each says what it is.
shapes() {
	awk '
	function bad(text) {
		printf "%s: %s\n", name, text
	}
	function done_with() {
		if (name == "")
			return
		if (lines > limit)
			bad(lines " lines, more than " limit)
		if (!spdx)
			bad("no SPDX line at the top")
	}
	FNR == 1 {
		done_with()
		name = FILENAME
		base = name
		sub(/^.*\//, "", base)
		limit = base ~ /\.h$/ ? 200 : 600
		spdx = start = 0
		if (index($0, "/* " base " - ") != 1)
			bad("the first line is not /* " base " - purpose */")
	}
	FNR <= 4 && /SPDX-License-Identifier: BSD-2-Clause/ { spdx = 1 }
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start - 1 > 100)
			bad("line " start ": a function of " FNR - start - 1 " lines")
		start = 0
	}
	{ lines = FNR }
	END { done_with() }' $(c_files $all)
}

found=$(includes; calls; shapes)
[ -z "$found" ] && exit 0
printf '%s\n' "$found"
exit 1
