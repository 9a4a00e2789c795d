#!/bin/sh
# Starts the broker of compose.yaml, with the passwords that it was handed.
set -eu
umask 077
passwords=/tmp/passwords
printf 'streamsel:%s\nviewer:%s\n' \
  "$(cat /run/secrets/mqtt_password)" "$(cat /run/secrets/mqtt_viewer_password)" > "$passwords"
mosquitto_passwd -U "$passwords"
exec mosquitto -c /mosquitto/config/mosquitto.conf
