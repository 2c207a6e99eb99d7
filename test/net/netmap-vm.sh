#!/bin/sh
# netmap-vm: runs a command in a virtual machine whose kernel has netmap: netmap-vm.sh COMMAND [ARG...]
#
# The machine is qemu without acceleration; its kernel is Debian's own, of the version that the module was
# built for, unpacked into a folder of this test; its files are this machine's, read-only, but for /run.
#
# NETMAP_KO    the module, netmap.ko (required; without it the test is skipped)
# NETMAP_APPS  the folder of netmap's tools: pkt-gen/pkt-gen, lb/lb, or pkt-gen and lb (required too)
# NETMAP_KERNEL  a kernel package that is unpacked already, with boot/ and lib/modules/
# The command runs as root in this folder, with TMPDIR in memory.  Exit status: the command's; 77: skipped.
set -eu

skip() {
	echo "skipped: $*"
	exit 77
}

need() {
	command -v "$1" >/dev/null || skip "$1 is missing (Debian: $2)"
}

[ -n "${NETMAP_KO:-}" ] && [ -n "${NETMAP_APPS:-}" ] ||
	skip 'NETMAP_KO (netmap.ko) and NETMAP_APPS (the folder of pkt-gen and lb) are not set'
[ -f "$NETMAP_KO" ] || { echo "NETMAP_KO=$NETMAP_KO: no such file" >&2; exit 1; }
[ -d "$NETMAP_APPS" ] || { echo "NETMAP_APPS=$NETMAP_APPS: no such folder" >&2; exit 1; }
need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
need cpio cpio
need depmod kmod
NETMAP_KO=$(realpath "$NETMAP_KO")
NETMAP_APPS=$(realpath "$NETMAP_APPS")
version=$(modinfo -F vermagic "$NETMAP_KO" | cut -d' ' -f1)
here=$(pwd)
vm=$(mktemp -d "${TMPDIR:-/tmp}/netmap-vm.XXXXXX")
trap 'rm -rf "$vm"' EXIT

# The kernel of the module's version.
if [ -z "${NETMAP_KERNEL:-}" ]; then
	NETMAP_KERNEL=$vm/kernel
	(cd "$vm" && apt-get download "linux-image-$version" >/dev/null 2>&1) ||
		skip "no package linux-image-$version; NETMAP_KERNEL can name an unpacked one"
	dpkg -x "$vm"/linux-image-*.deb "$NETMAP_KERNEL"
	rm "$vm"/linux-image-*.deb
fi
cp -r "$NETMAP_KERNEL/lib/modules/$version/." "$vm/modules-of" 2>/dev/null || :
mkdir -p "$vm/tree/lib/modules"
mv "$vm/modules-of" "$vm/tree/lib/modules/$version"
depmod -b "$vm/tree" "$version" 2>/dev/null

# Modules in the order in which they can be loaded.
loads() {
	for name; do
		(cd "$vm/tree" && modprobe -d . -S "$version" --show-depends "$name") |
			sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++'
}

mkdir -p "$vm/root/bin" "$vm/root/mnt" "$vm/root/proc" "$vm/root/sys" "$vm/root/dev" "$vm/root/mod"
cp "$(command -v busybox)" "$vm/root/bin/busybox"
n=100
for file in $(loads virtio_pci 9pnet_virtio 9p veth e1000 tun); do
	case $file in /*) ;; *) file=$vm/tree/$file ;; esac
	n=$((n + 1))
	cp "$file" "$vm/root/mod/$n-$(basename "$file")"
done

quoted=
for arg; do
	quoted="$quoted '$(printf %s "$arg" | sed "s/'/'\\\\''/g")'"
done
cat >"$vm/root/command" <<END
cd '$here' || exit 126
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/run/tmp HOME=/run/home
export NETMAP_APPS='$NETMAP_APPS' PACF='${PACF:-}' PACF_RUN='${PACF_RUN:-}' PACF_GEN='${PACF_GEN:-}'
export BADCLIENT='${BADCLIENT:-}' PACF_SHARED='${PACF_SHARED:-}' NETMAP_GUEST=1 NETMAP_FULL='${NETMAP_FULL:-}' NETMAP_ROUNDS='${NETMAP_ROUNDS:-}'
$quoted
END
cat >"$vm/root/init" <<END
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc
\$b mount -t sysfs sys /sys
\$b mount -t devtmpfs dev /dev
for m in /mod/*; do \$b insmod \$m; done
\$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 host /mnt
for d in proc sys dev; do \$b mount -o bind /\$d /mnt/\$d; done
\$b mount -t tmpfs -o size=1g run /mnt/run
\$b mount -t tmpfs -o size=64m shm /mnt/dev/shm 2>/dev/null
\$b mkdir -p /mnt/dev/pts && \$b mount -t devpts -o ptmxmode=666 pts /mnt/dev/pts
\$b mkdir -p /mnt/run/tmp /mnt/run/home /mnt/run/netns
\$b ip link set lo up
\$b insmod '/mnt$NETMAP_KO' ${NETMAP_PARAMS:-priv_ring_num=400 priv_if_num=100 priv_buf_num=150000}
\$b cp /command /mnt/run/command
\$b chroot /mnt /bin/sh /run/command </dev/null >/dev/ttyS0 2>&1
echo "netmap-vm: status \$?" >/dev/ttyS0
\$b dmesg | \$b grep -E 'BUG|WARNING|Oops|Call Trace|unregister_netdevice: waiting' | \$b sed 's/^/netmap-vm: kernel: /' >/dev/ttyS0
\$b poweroff -f
END
chmod +x "$vm/root/init"
(cd "$vm/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$vm/initrd"

timeout "${NETMAP_SECONDS:-900}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 -nographic \
	-no-reboot -nodefaults -serial stdio -monitor none -kernel "$NETMAP_KERNEL/boot/vmlinuz-$version" -initrd "$vm/initrd" \
	-append 'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off' \
	-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
	</dev/null 2>"$vm/qemu.err" | stdbuf -oL tr -d '\r' | tee "$vm/console" | grep --line-buffered -v '^netmap-vm: status ' || :
sed 's/^/qemu: /' "$vm/qemu.err" >&2
status=$(sed -n 's/^netmap-vm: status //p' "$vm/console" | tail -1)
[ -n "$status" ] || { echo 'netmap-vm: the machine ended without an answer' >&2; exit 1; }
if grep -q '^netmap-vm: kernel: ' "$vm/console"; then
	echo 'netmap-vm: the kernel complained' >&2
	exit 1
fi
exit "$status"
