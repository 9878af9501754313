#!/bin/sh
# The guest's first process, under busybox: packet tests, then real connections through the programs, then power off.
# What the host is to know are the lines that begin with "result ", and those that say how large a program is. The kernel's
# parameters come as variables: EXPECTED, and what the tests are told.

export PATH=/host:/bin
/bin/busybox --install -s /bin
# busybox prefers its own ip whatever PATH says.
ip=/host/ip
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
for module in veth sch_ingress cls_bpf; do
    [ ! -e /$module.ko ] || insmod /$module.ko
done
$ip link set lo up
ulimit -n 20000
exec 2>&1

# Seconds since power-on.
at() {
    read -r seconds idle </proc/uptime
    echo "at $seconds s: $*"
}

end() {
    dmesg | grep -E 'BUG|WARNING|Oops'
    at end
    echo "result end"
    echo o >/proc/sysrq-trigger
    sleep 100
}

# The lines that are wanted of a test program, as they come: not the instructions of a program that was refused, which are
# thousands.
watch() {
    while IFS= read -r line; do
        case $line in
        "test "* | "thread "*) at "$line" ;;
        *": verified instructions "*) echo "$line" ;;
        esac
    done
}

run_tests() {
    # Linux 6.1 lets a test put 32 bytes in front of a frame at most, and that test needs more to leave no room.
    case $(uname -r) in
    5.* | 6.1.*) skip="--skip frames_without_room_in_front" ;;
    *) skip= ;;
    esac
    for test in packets receive check_path; do
        at "$test begins"
        { /host/$test --show-output --color never $skip; echo $? >/tmp/status; } | tee /tmp/output | watch
        [ "$(cat /tmp/status)" = 0 ] || grep -vE '^ *[0-9]+: \(' /tmp/output | tail -n 60
        echo "result tests $test $(cat /tmp/status)"
    done
}

# client c1 ── c0 this host b0 ── b1 backend, which answers by way of this host.
on_client() { nsenter -t $client -n "$@"; }
on_backend() { nsenter -t $backend -n "$@"; }
build_network() {
    unshare -n sleep 100000 & client=$!
    unshare -n sleep 100000 & backend=$!
    sleep 1
    echo 1 >/proc/sys/net/ipv4/ip_forward
    $ip link add c0 type veth peer name c1 netns $client
    $ip link add b0 type veth peer name b1 netns $backend
    $ip address add 10.0.0.1/24 dev c0
    $ip link set c0 up
    $ip address add 10.1.0.1/24 dev b0
    $ip link set b0 up
    on_client $ip address add 10.0.0.2/24 dev c1
    on_client $ip link set c1 up
    on_client $ip route add default via 10.0.0.1
    # Nobody completes a checksum behind XDP.
    on_client /host/ethtool -K c1 tx off >/dev/null
    on_backend $ip address add 10.1.0.2/24 dev b1
    on_backend $ip address add 192.0.2.1/32 dev lo
    on_backend $ip link set lo up
    on_backend $ip link set b1 up
    on_backend $ip route add default via 10.1.0.1
    mkdir /www
    echo steered >/www/index.html
    on_backend httpd -p 192.0.2.1:80 -h /www
    on_backend anycast-ctl receive --interface b1 --from 10.1.0.1
}

export ANYCAST_SOCKET=/tmp/anycast.sock

# A site with that delivery, and options of the daemon.
start() {
    cat >/tmp/site.toml <<EOF
interfaces = ["c0"]
[[pool]]
name = "web"
delivery = "$1"
[[pool.backend]]
name = "web-1"
address = "10.1.0.2"
[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/80"]
pool = "web"
EOF
    anycast-ctl run --config /tmp/site.toml --xdp-mode native $2 2>/tmp/log &
    daemon=$!
}

# Until that works, or long enough, or there is no daemon.
until_it_works() {
    tries=60
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] && kill -0 $daemon 2>/dev/null || return 1
        sleep 1
    done
}

is_content() { anycast-ctl status 2>/dev/null | grep -q 'All is well'; }

stop() {
    kill $daemon
    wait $daemon
    cat /tmp/log
}

connect() {
    answer=$(printf 'GET / HTTP/1.0\r\n\r\n' | on_client timeout 30 nc 192.0.2.1 80 | tail -n 1)
    [ "$answer" = steered ]
}

steer() {
    at "$1$3"
    start "$1" "$2"
    until_it_works is_content
    connect
    echo "result steers $1$3 $?"
    anycast-ctl status
}

# A client waits for ten seconds; loading a program may take longer in a slow guest, but the daemon goes on with it.
explains() {
    anycast-ctl explain --from 10.0.0.2:40000 --to 192.0.2.1:80 --syn >/tmp/explained
    cat /tmp/explained
    grep -q web-1 /tmp/explained
}

# One side of each of the first packets of a connection, if the capture began before it.
captures() {
    anycast-ctl capture --count 2 --for 60s vip www >/tmp/captured & capture=$!
    while kill -0 $capture 2>/dev/null && ! grep -q web-1 /tmp/captured; do
        connect
        sleep 1
    done
    wait $capture
    cat /tmp/captured
    grep -q 'to web/web-1' /tmp/captured
}

# What needs the other programs, and what outlives the daemon.
look_closer() {
    at explain
    until_it_works explains
    echo "result does explain $?"

    at capture
    until_it_works captures
    echo "result does capture $?"

    at "without the daemon"
    kill -9 $daemon
    wait $daemon
    connect
    echo "result does outlive $?"

    at "adopted by another daemon"
    start "$1" "$2"
    until_it_works is_content && connect
    echo "result does adopt $?"
}

# A kernel that is too old is to be told from a broken program, by whoever asks.
refuse() {
    start l2 ''
    wait $daemon
    [ $? = 1 ] && grep 'is too old' /tmp/log
    echo "result refuses run $?"
    cat /tmp/log
    anycast-ctl doctor | tee /tmp/doctor | grep -E '^ *(fail|warn)'
    grep -E '^fail +kernel' /tmp/doctor
    echo "result refuses doctor $?"
    on_backend anycast-ctl receive status
}

if [ "$EXPECTED" = refuses ]; then
    build_network
    refuse
    end
fi
run_tests
build_network
for delivery in l2 ipip gue; do
    steer $delivery '' ''
    [ $delivery != ipip ] || look_closer $delivery ''
    stop
    steer $delivery --no-multi-buffer -linear
    stop
done
on_backend anycast-ctl receive status
end
