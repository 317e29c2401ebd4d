# Sourced by scripts/verify and scripts/test: a virtual environment in .venv, installed once per
# version of pyproject.toml.

# Everything here starts Python again and again: with byte code that nobody keeps, each start would
# compile the package anew.
unset PYTHONDONTWRITEBYTECODE

say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { echo "$candidate"; return; }
  done
  fail "Python 3.11 or newer is needed; install it, or name it: PYTHON=/path/to/python $0"
}

# make_environment EXTRAS: install this project with its extras.
make_environment() {
  local extras=$1 stamp wanted
  [ -x .venv/bin/python ] || {
    say "making .venv"
    "$(find_python)" -m venv .venv || fail "python's venv module is missing (Debian: apt-get install python3-venv)"
  }
  wanted="$(cksum pyproject.toml) $extras"
  stamp=".venv/installed-$extras"
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  say "installing into .venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" \
    || fail "pip could not install the packages above"
  printf '%s' "$wanted" > "$stamp"
}

# make_openapi_environment: the extra `openapi` alone, in an environment that no pytest runs in.
make_openapi_environment() {
  local wanted folder=.venv-openapi
  wanted=$(.venv/bin/python -c '
import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*extras["openapi"])')
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && return
  say "installing $wanted into $folder"
  [ -x "$folder/bin/python" ] || "$(find_python)" -m venv "$folder"
  # shellcheck disable=SC2086 - several requirements are several words
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check $wanted \
    || fail "pip could not install the packages above"
  printf '%s' "$wanted" > "$folder/installed"
}
