#!/usr/bin/env bash
# Installs what building and testing need on Debian 12. Does nothing where nothing is missing.
#
#   setup.sh            install what is missing (with sudo unless root)
#   setup.sh --check    only say what is missing; exit code 1 if something is
#
# A shell script, because it must run where there is no Rust yet.
set -euo pipefail

rust_wanted=1.88
packages=(build-essential clang libclang-dev postgresql-15 postgresql-server-dev-15 postgresql-15-cron)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

check_rust() {
    command -v cargo >/dev/null && command -v rustc >/dev/null ||
        fail "there is no Rust; install $rust_wanted or newer from https://rustup.rs and come back"
    local found oldest
    found=$(rustc --version | awk '{ print $2 }')
    oldest=$(printf '%s\n%s\n' "$rust_wanted" "$found" | sort -V | head -n 1)
    [[ $oldest == "$rust_wanted" ]] || fail "Rust $found is too old; $rust_wanted or newer is needed: rustup update"
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

list_missing() {
    local package
    for package in "${packages[@]}"; do
        is_installed "$package" || printf '%s\n' "$package"
    done
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "neither root nor sudo; let an administrator run: $*"
    fi
}

# Debian's package creates and starts a cluster on port 5432. On a machine that had no Postgres
# nobody asked for one; where there was Postgres already, its clusters are not our business.
prevent_system_cluster() {
    local file=/etc/postgresql-common/createcluster.conf
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return
    # The file belongs to this package, so the line is added after it has come, before the server.
    apt_install postgresql-common
    grep -q '^ *create_main_cluster' "$file" && return
    printf '\n# There is no cluster unless somebody creates one (set by pg_dialer).\ncreate_main_cluster = false\n' |
        as_root tee -a "$file" >/dev/null
    say "new Postgres: told Debian not to create a cluster of its own ($file)"
}

apt_install() {
    # confold: a configuration that somebody changed stays as it is.
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -y -qq \
        --no-install-recommends -o Dpkg::Options::=--force-confold "$@" >/dev/null
}

install() {
    command -v apt-get >/dev/null ||
        fail "missing: $*; there is no apt-get here, so install their like by hand (Postgres 15 with headers, pg_cron, clang)"
    say "installing: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    prevent_system_cluster
    apt_install "$@"
}

# A pooler for the test that goes through one. Unpacked, not installed: the package would start a
# service. Whatever goes wrong here only means that the test passes itself over.
fetch_pgbouncer() {
    local tools=target/tools work
    [[ -x /usr/sbin/pgbouncer || -x $tools/usr/sbin/pgbouncer ]] && return
    work=$(mktemp -d) && chmod 755 "$work"
    say "fetching pgbouncer into $tools"
    (apt_install libevent-2.1-7 libc-ares2 && cd "$work" && apt-get download -qq pgbouncer) >/dev/null 2>&1 &&
        mkdir -p "$tools" && dpkg-deb -x "$work"/pgbouncer_*.deb "$tools" && chmod -R go+rX "$tools" ||
        say "could not; the test of a pooler will be passed over"
    rm -rf "$work"
}

# What tries the REST API with whatever its description allows, and more. Its test says so where it
# is missing.
fetch_schemathesis() {
    local tools=target/tools/schemathesis version=4.32.5
    [[ -x $tools/bin/schemathesis && $(cat "$tools/version" 2>/dev/null) == "$version" ]] && return
    say "fetching schemathesis $version into $tools"
    rm -rf "$tools" && mkdir -p target/tools
    python3 -m venv "$tools" >/dev/null 2>&1 || { apt_install python3-venv && python3 -m venv --clear "$tools" >/dev/null; } &&
        "$tools/bin/pip" install -q --disable-pip-version-check "schemathesis==$version" && printf '%s\n' "$version" >"$tools/version" ||
        say "could not; the test that tries the REST API will fail"
}

# What opens the console as people do; its test says so where it is missing. Nothing of it runs by itself.
fetch_browser() {
    local program
    for program in chromium-headless-shell chromium google-chrome chromium-browser; do
        command -v "$program" >/dev/null && return
    done
    say "installing chromium-headless-shell"
    apt_install chromium-headless-shell 2>/dev/null ||
        { as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq && apt_install chromium-headless-shell; } ||
        say "could not; the test of the console will fail"
}

check_rust
if ! command -v dpkg-query >/dev/null; then
    [[ -x ${DIALER_PG_BIN:-/usr/lib/postgresql/15/bin}/postgres ]] || install "${packages[@]}"
    say "not a Debian system; found Postgres and trust the rest"
    exit 0
fi
read -ra missing <<<"$(list_missing | tr '\n' ' ')"
if ((${#missing[@]} == 0)); then
    say "everything is installed"
elif [[ ${1:-} == --check ]]; then
    fail "missing: ${missing[*]}; 'make setup' installs them"
else
    install "${missing[@]}"
    say "done in $SECONDS s"
fi
[[ ${1:-} == --check ]] || (cd "$(dirname "$0")/.." && fetch_pgbouncer && fetch_schemathesis && fetch_browser)
