#!/usr/bin/env bash
# Unpacks Asterisk and sipp with the shared libraries they link, for the telephony test.
#
#   fetch.sh DIRECTORY      afterwards DIRECTORY/asterisk and DIRECTORY/sipp can be run
#
# Exit code 0: they are there. 75: they cannot be had on this machine; the last line says why.
# Anything else is a fault.
#
# Nothing is installed and no root is needed: apt works in a root of its own, and the programs run
# under the dynamic linker that came with them, because Debian 12 itself has no Asterisk.
set -euo pipefail

home=${1:?usage: fetch.sh DIRECTORY}
# LIMIT: tried in this order. Both move on; what was unpacked stays until its directory is removed.
suites=(forky sid)

impossible() { printf 'telephony: %s\n' "$*" >&2; exit 75; }

[[ -e $home/complete ]] && exit 0
for tool in apt-get apt-cache apt-config dpkg dpkg-deb; do
    command -v "$tool" >/dev/null || impossible "there is no $tool; Asterisk is fetched from Debian's packages"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -r $keyring ]] || impossible "there is no $keyring; install debian-archive-keyring"
architecture=$(dpkg --print-architecture)
case $architecture in
    amd64) triplet=x86_64-linux-gnu ;;
    arm64) triplet=aarch64-linux-gnu ;;
    *) impossible "no recipe for $architecture" ;;
esac
# The mirror that this machine uses anyway.
mirror=$(apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "main" && $2 !~ /security/ && !found { print $2; found = 1 }')
[[ -n $mirror ]] || impossible "apt knows no mirror; run apt-get update"

mkdir -p "$home"
home=$(cd "$home" && pwd)
# Whoever comes second finds it there.
exec 9>"$home/lock"
flock 9
[[ -e $home/complete ]] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# An apt that shares nothing with the machine's but proxies and certificates.
own_apt() {
    local root=$work/$1
    mkdir -p "$root"/{etc/apt.conf.d,etc/preferences.d,etc/sources.list.d,state/lists/partial,cache/archives/partial}
    : >"$root/state/status"
    # A mirror that lags serves lists past their date; signatures are checked all the same.
    printf 'deb [signed-by=%s check-valid-until=no] %s %s main\n' "$keyring" "$mirror" "$1" >"$root/etc/sources.list"
    {
        printf 'Dir::Etc "%s/etc";\nDir::Etc::parts "%s/etc/apt.conf.d";\n' "$root" "$root"
        printf 'Dir::State "%s/state";\nDir::State::status "%s/state/status";\nDir::Cache "%s/cache";\n' "$root" "$root" "$root"
        printf 'APT::Architecture "%s";\nAPT::Architectures { "%s"; };\n' "$architecture" "$architecture"
        printf 'APT::Sandbox::User "";\nAcquire::Languages "none";\nAcquire::Retries "1";\nAcquire::http::Timeout "15";\n'
        apt-config dump | grep -E '^Acquire::https?::(proxy|CaInfo)' || true
    } >"$root/apt.conf"
    export APT_CONFIG=$root/apt.conf
    apt-get -q update >"$work/update.log" 2>&1
}

has_both() { [[ $(apt-cache show --no-all-versions asterisk sip-tester 2>/dev/null | grep -c '^Filename:') == 2 ]]; }

suite=
for candidate in "${suites[@]}"; do
    if own_apt "$candidate" && has_both; then
        suite=$candidate
        break
    fi
done
[[ -n $suite ]] || impossible "none of ${suites[*]} at this machine's mirror has asterisk and sip-tester"

# Only libraries, and not those of asterisk-modules: they are many, and the few modules that the
# test loads need none of them.
libraries=$(apt-cache show --no-all-versions asterisk sip-tester | sed -n 's/^Depends: //p' |
    tr ',' '\n' | sed 's/[(|].*//; s/ //g' | grep -E '^(lib|zlib)' | sort -u)
# shellcheck disable=SC2086 # a list of words
closure=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $libraries |
    grep -E '^[a-z0-9]' | sort -u)
mkdir "$work/packages" "$work/root"
# shellcheck disable=SC2086
(cd "$work/packages" && apt-get -q download asterisk asterisk-modules sip-tester $closure) >"$work/download.log" 2>&1 ||
    { tail -n 5 "$work/download.log" >&2; impossible "the packages of $suite cannot be fetched"; }
for package in "$work"/packages/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done

mkdir -p "$home/root"
cp -a "$work/root/usr" "$home/root/"
# Documentation of configuration options is read at the start; the rest is not needed.
rm -rf "$home"/root/usr/share/{doc,man,lintian,locale,bug,bash-completion} "$home/root/usr/lib/$triplet/gconv"
linker=$(find "$home/root/usr/lib" "$home/root/usr/lib64" -name 'ld-linux-*.so.*' 2>/dev/null | sort | awk 'NR == 1')
[[ -n $linker ]] || { printf 'telephony: no dynamic linker among the packages of %s\n' "$suite" >&2; exit 1; }
for program in sbin/asterisk bin/sipp; do
    name=${program##*/}
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
        "$linker" "$home/root/usr/lib/$triplet:$home/root/usr/lib" "$home/root/usr/$program" >"$home/$name"
    chmod 755 "$home/$name"
done
"$home/asterisk" -V >"$home/version"
"$home/sipp" -v >/dev/null 2>&1 || [[ $? == 99 ]]
(cd "$work/packages" && sha256sum ./*.deb) >"$home/packages.sha256"
touch "$home/complete"
printf 'telephony: %s of %s in %s\n' "$(cat "$home/version")" "$suite" "$home" >&2
