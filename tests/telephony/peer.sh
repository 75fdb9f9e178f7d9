#!/usr/bin/env bash
# A telephone exchange and somebody to call: Asterisk with ARI, and a sipp that answers, rings,
# declines as the called number says (far-end.xml). All of it on one loopback address.
#
#   peer.sh start DIR       fetch what is missing, write the configuration, start both; waits until
#                           calls can be made. Environment: PEER_IP (127.0.0.41), PEER_PASSWORD
#                           (rehearsal-key), PEER_TOOLS (target/telephony), PEER_OWNER (a process
#                           with which it all ends, whatever becomes of it)
#   peer.sh exchange DIR    start Asterisk again after it was killed
#   peer.sh stop DIR        end what was started there, and nothing else
#
# Exit code 75: not possible on this machine; the last line says why.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '5,10p' "$0" >&2; exit 2; }
(($# == 2)) || usage
mkdir -p "$2"
home=$(cd "$2" && pwd)
tools=${PEER_TOOLS:-$here/../../target/telephony}

write_configuration() {
    local modules file
    modules=$(dirname "$(find "$tools/root/usr/lib" -name chan_pjsip.so | head -n 1)")
    mkdir -p "$home"/{etc,log,var,sounds,far-end}
    for file in "$here"/exchange/*.conf; do
        sed -e "s#@HOME@#$home#g; s#@IP@#$PEER_IP#g; s#@PASSWORD@#$PEER_PASSWORD#g" \
            -e "s#@MODULES@#$modules#g; s#@SHARE@#$tools/root/usr/share/asterisk#g" "$file" >"$home/etc/${file##*/}"
    done
    # Asterisk complains of each of these that is missing, and needs none.
    for file in acl ccss cdr cel features indications manager pjproject stasis udptl websocket_client; do
        : >"$home/etc/$file.conf"
    done
    printf '[general]\nenable = no\n' | tee "$home/etc/cdr.conf" >"$home/etc/cel.conf"
    chmod 600 "$home/etc/ari.conf"
    # Half a second of silence and three, to be played.
    head -c 4000 /dev/zero | tr '\0' '\377' >"$home/sounds/silence.ulaw"
    head -c 24000 /dev/zero | tr '\0' '\377' >"$home/sounds/silence-3s.ulaw"
}

start_exchange() {
    cd "$home"
    # The loader that came along, itself, so that the process id is Asterisk's.
    setsid "$tools/asterisk" -C "$home/etc/asterisk.conf" -f </dev/null >>"$home/log/output" 2>&1 &
    remember exchange $!
    local ip password
    ip=$(cat "$home/ip")
    password=$(sed -n 's/^password = //p' "$home/etc/ari.conf")
    # LIMIT: twenty seconds; it takes one or two.
    for _ in $(seq 200); do
        is_running exchange || { tail -n 5 "$home/log/output" "$home/log/messages" >&2 || true; fail "Asterisk ended; see $home/log"; }
        if answers "$ip" "$password"; then return; fi
        sleep 0.1
    done
    fail "Asterisk does not answer on $ip; see $home/log"
}

# ARI answers, and knows the trunk. Without curl, which nobody should have to install for this.
answers() {
    local status
    exec 3<>"/dev/tcp/$1/8088" || return 1
    printf 'GET /ari/endpoints/PJSIP/trunk HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' "$(printf 'dialer:%s' "$2" | base64 -w0)" >&3
    IFS=' ' read -r -t 2 _ status _ <&3 || status=
    exec 3<&-
    [[ $status == 200 ]]
} 2>/dev/null

start_far_end() {
    cd "$home/far-end"
    setsid "$tools/sipp" -sf "$here/far-end.xml" -i "$PEER_IP" -p 5080 -mi "$PEER_IP" -t u1 -nostdin \
        -trace_logs -log_file "$home/far-end/calls.log" -log_overwrite true \
        -trace_err -error_file "$home/far-end/errors.log" </dev/null >"$home/far-end/output" 2>&1 &
    remember far-end $!
}

# A process is known by its id and the instant of its start: what it runs is still this script for
# a moment after the fork, and for another nothing at all.
remember() { echo "$2 $(start_of "$2")" >"$home/$1.pid"; }

# Nothing for a process that has ended, though nobody has asked for its exit code.
start_of() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    # After the name, which may hold anything: the state, and eighteen more before the start.
    read -ra stat <<<"${stat##*) }"
    [[ ${stat[0]} == [ZX] ]] || echo "${stat[19]}"
}

is_running() {
    local pid start
    { read -r pid start <"$home/$1.pid"; } 2>/dev/null && [[ -n $start && $start == "$(start_of "$pid")" ]]
}

end() {
    is_running "$1" || return 0
    signal TERM "$1"
    for _ in $(seq 50); do
        is_running "$1" || return 0
        sleep 0.1
    done
    signal KILL "$1"
}

signal() { kill "-$1" "$(cut -d ' ' -f 1 "$home/$2.pid")" 2>/dev/null || true; }

# A test that is killed cannot clear up after itself.
watch_owner() {
    [[ -n ${PEER_OWNER:-} ]] || return 0
    (
        while kill -0 "$PEER_OWNER" && is_running far-end; do sleep 1; done
        end exchange
        end far-end
    ) </dev/null >/dev/null 2>&1 &
}

fail() { printf 'telephony: %s\n' "$*" >&2; exit 1; }

case $1 in
    start)
        PEER_IP=${PEER_IP:-127.0.0.41} PEER_PASSWORD=${PEER_PASSWORD:-rehearsal-key}
        "$here/fetch.sh" "$tools"
        tools=$(cd "$tools" && pwd)
        { is_running exchange || is_running far-end; } && fail "it runs already in $home; peer.sh stop $2 ends it"
        echo "$PEER_IP" >"$home/ip"
        write_configuration
        start_far_end
        watch_owner
        start_exchange
        ;;
    exchange) start_exchange ;;
    stop)
        end exchange
        end far-end
        ;;
    *) usage ;;
esac
