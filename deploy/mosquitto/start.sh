#!/bin/sh
# Starts the broker of compose.yaml, with the passwords that it was handed. It wants to be the only one
# who can read them, and its access list.
set -eu
umask 077
passwords=/tmp/passwords
printf 'streamsel:%s\nviewer:%s\n' \
  "$(cat /run/secrets/mqtt_password)" "$(cat /run/secrets/mqtt_viewer_password)" > "$passwords"
mosquitto_passwd -U "$passwords"
cat /mosquitto/config/access > /tmp/access
exec mosquitto -c /mosquitto/config/mosquitto.conf
