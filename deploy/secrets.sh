#!/bin/sh
# Makes the secrets that compose.yaml hands to its services. Those that are there stay.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in streamsel_token mqtt_password mqtt_viewer_password grafana_password; do
  [ -s "secrets/$name" ] || openssl rand -hex 32 > "secrets/$name"
done
# Each service reads its own as a user of its own; nobody else gets into the folder.
chmod 444 secrets/*
