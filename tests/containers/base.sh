#!/usr/bin/env bash
# A Debian to build the image on where no registry can be reached, as a tar file: base.sh base.tar
# It trusts whom this machine trusts, and reaches packages as it does.
set -euo pipefail

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase bookworm "$root" > /dev/null
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/host.pem"
for settings in /etc/pip.conf /etc/apt/apt.conf.d/*proxy*; do
    [ ! -e "$settings" ] || cp "$settings" "$root$settings"
done
chmod 755 "$root"
tar -C "$root" -cf "$1" .
