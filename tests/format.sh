#!/bin/sh
# format.sh - the layout of the C files is clang-format's, version 14, and nobody's taste.
# SPDX-License-Identifier: BSD-2-Clause
#
# Another version lays out a few things in another way: skipped (77) then, or without it.
set -eu
cd "${srcdir:-.}"

for tool in clang-format-14 clang-format; do
	version=$($tool --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p') || true
	[ "${version:-}" = 14 ] && break
	tool=
done
if [ -z "$tool" ]; then
	echo "skipped: no clang-format 14 (found: ${version:-none})"
	exit 77
fi
find proto common sender receiver tests bench -name '*.[ch]' -print0 |
	LC_ALL=C sort -z | xargs -0 "$tool" --dry-run -Werror
