# grow.sh - random trees of files, and what an independent walk finds in a tree; bash, sourced.
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

# grow DIR SEED: files of sizes at and around the borders of a chunk, holes, copies, links, odd names, modes, times
grow()
{
	local top=$1 at i size names sizes

	RANDOM=$2
	names=(a 'with blank' $'new\nline' $'\xff\xfe' -dash .hidden 'ünicode' "q'uote" '*' x)
	sizes=(0 1 1399 1400 1401 65536 262143 262144 262145 524288 700001)
	mkdir -p "$top"
	at=$top
	for ((i = 0; i < 40; i++)); do
		name="${names[RANDOM % ${#names[@]}]}$i"
		size=${sizes[RANDOM % ${#sizes[@]}]}
		case $((RANDOM % 10)) in
		0) mkdir "$at/$name" && at=$at/$name ;;
		1) at=$top ;;
		2) ln -s "../nowhere/$name" "$at/$name" ;;
		3) mkdir "$at/$name" && chmod 750 "$at/$name" ;;
		4) # a hole, and data at its end
			truncate -s $((size + 524288)) "$at/$name"
			printf end >>"$at/$name"
			;;
		5) # the same bytes as another file
			find "$top" -type f -size +100k -print0 | sort -z | head -zn 1 |
				xargs -0rI{} cp {} "$at/$name"
			;;
		6) # another name of one
			find "$top" -type f -print0 | sort -z | head -zn 1 |
				xargs -0rI{} ln {} "$at/$name"
			;;
		*)
			head -c "$size" /dev/urandom >"$at/$name"
			chmod $((RANDOM % 2 ? 640 : 755)) "$at/$name"
			;;
		esac
	done
	find "$top" -depth -exec touch -h -d "@$((1500000000 + RANDOM)).123456789" {} +
}

# walk DIR: all that a copy must have alike
walk()
{
	(
		cd "$1" || exit 1
		find . -mindepth 1 -printf '%P\t%y\t%m\t%l\t%T@\t' \( -type d -printf 'dir\0' -o -printf '%s %n\0' \) | sort -z
		find . -type f -print0 | sort -z | xargs -0r sha256sum -z
	)
}

# like DIR DIR: fails and shows the first difference
like()
{
	walk "$1" | tr '\0' '\n' >"$dir/walk.1"
	walk "$2" | tr '\0' '\n' >"$dir/walk.2"
	cmp -s "$dir/walk.1" "$dir/walk.2" && return
	diff "$dir/walk.1" "$dir/walk.2" | head -n 10
	fail "$2 is not like $1"
}
