#!/bin/sh
# Starts the broker of compose.yaml with the passwords from its secrets. The broker requires that only
# it can read the password file and the access list.
set -eu
umask 077
passwords=/tmp/passwords
printf 'streamsel:%s\nviewer:%s\n' \
  "$(cat /run/secrets/mqtt_password)" "$(cat /run/secrets/mqtt_viewer_password)" > "$passwords"
mosquitto_passwd -U "$passwords"
cat /mosquitto/config/access > /tmp/access
exec mosquitto -c /mosquitto/config/mosquitto.conf
