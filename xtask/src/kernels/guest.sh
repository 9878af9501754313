#!/bin/sh
# The guest's first process, under busybox: packet tests, then a real connection through both programs, then power off.
# What the host is to know are the lines that begin with "result ".

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

# Linux 6.1 lets a test put 32 bytes in front of a frame at most, and that test needs more to leave no room.
case $(uname -r) in
5.* | 6.1.*) skip="--skip frames_without_room_in_front" ;;
*) skip= ;;
esac
for test in packets receive check_path; do
    /host/$test --test-threads=1 --show-output --color never $skip >/tmp/output
    result=$?
    # Not the instructions of a program that was refused, which are thousands of lines: its last words.
    grep -E '^test |^thread |verified instructions' /tmp/output
    [ $result = 0 ] || grep -vE '^ *[0-9]+: \(' /tmp/output | tail -n 60
    sed -n 's/\(.*\): verified instructions \([0-9]*\),.*/result verified \1 \2/p' /tmp/output
    echo "result tests $test $result"
done

# client c1 ── c0 this host b0 ── b1 backend, which answers by way of this host.
unshare -n sleep 100000 & client=$!
unshare -n sleep 100000 & backend=$!
sleep 1
on_client() { nsenter -t $client -n "$@"; }
on_backend() { nsenter -t $backend -n "$@"; }
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

try() {
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
    anycast-ctl run --config /tmp/site.toml --socket /tmp/anycast.sock --xdp-mode native $2 2>/tmp/log &
    daemon=$!
    for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        anycast-ctl status --socket /tmp/anycast.sock 2>/dev/null | grep -q 'All is well' && break
        sleep 1
    done
    answer=$(printf 'GET / HTTP/1.0\r\n\r\n' | on_client timeout 10 nc 192.0.2.1 80 | tail -n 1)
    anycast-ctl status --socket /tmp/anycast.sock
    kill $daemon
    wait $daemon
    cat /tmp/log
    [ "$answer" = steered ]
    echo "result steers $1$3 $?"
}
for delivery in l2 ipip gue; do
    try $delivery '' ''
    try $delivery --no-multi-buffer -linear
done
on_backend anycast-ctl receive status
dmesg | grep -E 'BUG|WARNING|Oops'
echo "result end"
echo o >/proc/sysrq-trigger
sleep 100
