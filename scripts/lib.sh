# shellcheck shell=bash
# Sourced by the other scripts: are we under CI, and where are the servers and the browser?

under_ci() {
	case ${CI:-} in '' | 0 | false) return 1 ;; esac
}

# The directory of the newest PostgreSQL server: Debian's are not in PATH, and what is there may be anything.
postgres_bin() {
	local dir initdb
	initdb=$(command -v initdb || true)
	for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr) "${initdb%/*}"; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
			echo "$dir"
			return
		fi
	done
	return 1
}

redis_bin() {
	command -v redis-server
}

browser_bin() {
	command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || command -v google-chrome
}

# Compiles, since gcc may be there without the C library's headers; the race detector needs both.
c_compiler() {
	echo "#include <stdlib.h>" | "${CC:-gcc}" -E - >/dev/null 2>&1
}
