#!/bin/sh
# purity.sh - libproto.a asks for nothing but memory, arithmetic and its codec libraries.
# SPDX-License-Identifier: BSD-2-Clause
#
# Looks at the undefined symbols of ./libproto.a, built by a plain compiler; skips (77) when a
# sanitizer or coverage adds its own.
set -eu

lib=${1:-libproto.a}
undefined=$(nm -u "$lib" | awk 'NF == 2 && $1 == "U" { print $2 }' | LC_ALL=C sort -u)
defined=$(nm --defined-only "$lib" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort -u)
[ -n "$defined" ] || { echo "$lib: no symbols"; exit 1; }

if printf '%s\n' "$undefined" | grep -qE '^__(asan|ubsan|msan|tsan|sanitizer|gcov|llvm)'; then
	echo "skipped: $lib is built with a sanitizer or coverage"
	exit 77
fi

# clang says bcmp where memcmp is only asked for equality.
memory='bcmp|mem(chr|cmp|cpy|move|set|mem)|calloc|free'
libm='(exp|exp2|expm1|log|log1p|log2|log10|pow|sqrt|cbrt|ceil|floor|round|lround|llround|fmod|frexp|ldexp|fabs)f?'
codecs='ec_[a-z0-9_]+|gf_[a-z0-9_]+|crc32|adler32|(in|de)flate[A-Za-z0-9_]*|isal_[a-z0-9_]+'
compiler='__stack_chk_fail|__(memcpy|memmove|memset)_chk|__(popcount|clz|ctz|u?div|u?mod|mul)[a-z]*[0-9]|_GLOBAL_OFFSET_TABLE_|__cpu_(model|features2|indicator_init)'

stray=$(printf '%s\n' "$undefined" | grep -vxFe "$defined" |
	grep -vxE "$memory|$libm|$codecs|$compiler" || true)
[ -z "$stray" ] && exit 0
echo "$lib is not pure, it asks for:"
nm -uA "$lib" | awk -v stray="$stray" '
	BEGIN { n = split(stray, s, "\n"); for (i = 1; i <= n; i++) want[s[i]] = 1 }
	$NF in want { print "  " $1 " " $NF }'
exit 1
