#!/bin/sh
# Creates the secrets of compose.yaml; existing ones are unchanged.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in streamsel_token mqtt_password mqtt_viewer_password grafana_password; do
  [ -s "secrets/$name" ] || openssl rand -hex 32 > "secrets/$name"
done
# Each service reads its secrets as a different user; other users cannot enter the folder.
chmod 444 secrets/*
