#!/bin/sh
# man.sh - the man pages and the programs have the same options.
# SPDX-License-Identifier: BSD-2-Clause
#
# Each option that `sow --dump-options` lists is in man/sow.1, and each option that a man page
# names is one of sow's or reap's. Skips (77) where the programs are not built.
set -eu

dir=${srcdir:-.}/man
status=0

# options PROGRAM: --NAME, and --no-NAME where there is one
options() {
	"./$1" --dump-options | awk -F '\t' '
		{ print "--" $1 }
		$5 == "negatable" { print "--no-" $1 }'
}

# named PAGE: the options that it names, without its markup
named() {
	sed 's/\\-/-/g; s/\\f[BIRP]//g; s/^\.It Fl -/--/; s/ Fl -/ --/g' "$1" |
		grep -oE -e '--[a-z][a-z0-9-]*' | LC_ALL=C sort -u
}

[ -x ./sow ] && [ -x ./reap ] || { echo "skipped: sow and reap are not built"; exit 77; }
for program in sow reap; do
	[ -f "$dir/$program.1" ] || { echo "skipped: there is no $dir/$program.1"; exit 77; }
done
known=$(options sow; options reap)
for program in sow reap; do
	page=$dir/$program.1
	for option in $(options $program); do
		case $option in
		--no-*) continue ;; # the page may write --[no-]NAME
		esac
		named "$page" | grep -qxe "$option" || {
			echo "$page: $option is missing"
			status=1
		}
	done
	for option in $(named "$page"); do
		printf '%s\n' "$known" | grep -qxe "$option" || {
			echo "$page: there is no $option"
			status=1
		}
	done
done
exit $status
