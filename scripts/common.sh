# Shared by the scripts beside it: where things are kept, how they speak. Progress goes to stderr, results to stdout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:+$XDG_CACHE_HOME/firebreak}
cache=${cache:-$root/.cache}

say() { printf '%s\n' "$*" >&2; }

# fail CAUSE CURE...: what went wrong, then what to do about it.
fail() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	shift
	printf '  %s\n' "$@" >&2
	exit 1
}

# watch LABEL LOG COMMAND...: runs the command with its output in LOG, shows that time passes, and the end of LOG on failure.
watch() {
	local label=$1 log=$2 started=$SECONDS ticks=0 status=0
	shift 2
	mkdir -p "$(dirname "$log")"
	printf '%s ' "$label" >&2
	"$@" >"$log" 2>&1 &
	local job=$!
	trap 'kill "$job" 2>/dev/null || true; exit 130' INT TERM
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		ticks=$((ticks + 1))
		if ((ticks % 10 == 0)); then printf '.' >&2; fi
	done
	wait "$job" || status=$?
	trap - INT TERM
	if ((status != 0)); then
		printf ' failed after %d s\n' $((SECONDS - started)) >&2
		tail -n 30 "$log" | sed 's/^/  | /' >&2
		say "  The whole output: $log"
		return "$status"
	fi
	printf ' done in %d s\n' $((SECONDS - started)) >&2
}

# locked NAME: holds a lock until this script ends, so that two runs do not install into one place at once.
locked() {
	mkdir -p "$cache"
	if command -v flock >/dev/null; then
		exec 9>"$cache/$1.lock"
		if ! flock --nonblock 9; then
			say "Waiting for another run that holds $cache/$1.lock ..."
			flock 9
		fi
	fi
}
