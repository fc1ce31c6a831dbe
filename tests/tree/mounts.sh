# mounts.sh - what a tree needs of a system to be entered. Sourced by bash scripts, which call it in a mount namespace of
# their own.
# shellcheck shell=bash

# mount_system TREE: proc, sys, dev.
mount_system()
{
	local tree=$1 device
	mount -t proc proc "$tree/proc"
	mount -t sysfs -o ro sysfs "$tree/sys"
	mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
	for device in null zero full random urandom tty; do
		: >"$tree/dev/$device"
		mount --bind "/dev/$device" "$tree/dev/$device"
	done
	mkdir "$tree/dev/pts" "$tree/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$tree/dev/pts"
	ln -s pts/ptmx "$tree/dev/ptmx"
	ln -s /proc/self/fd "$tree/dev/fd"
	mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
}
