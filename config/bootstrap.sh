#!/bin/sh
# Build the environment from a hashed lock file, once per content of that file. Says in one line what is missing.
# usage: config/bootstrap.sh LOCKFILE
set -eu
lock=$1
say() { echo "rotabook: $*" >&2; exit 1; }

python=
for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
  if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || say "Python 3.11 or newer is needed. Install it (Debian: apt install python3 python3-venv) and run make again."
[ -w . ] || say "this folder is not writable. Clone the project somewhere that is yours, or change the folder's owner."

wanted=$("$python" - "$lock" <<'PY'
import hashlib, pathlib, sys
print(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest())
PY
)
stamp=.venv/installed-$(basename "$lock")
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x .venv/bin/python ] && exit 0

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  say "this Python has no venv module. Install it (Debian: apt install python3-venv) and run make again."
[ -x .venv/bin/python ] || "$python" -m venv .venv || say "the environment could not be made in .venv: see the lines above."
echo "rotabook: installing what $lock lists (once) …" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
  say "installing failed: is a package index reachable? See the lines above, then run make again."
echo "$wanted" > "$stamp"
