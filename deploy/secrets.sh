#!/bin/sh
# Makes the secrets that compose.yaml mounts, with random passwords, in deploy/secrets. What is there stays as it is.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets # also one that was there
cd secrets

if [ -e reko.ini ] || [ -e postgres_password ] || [ -e redis.conf ]; then
	echo "deploy/secrets has secrets already; to make new ones, move them away (the database keeps the old password)" >&2
	exit 1
fi

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
postgres=$(random)
redis=$(random)

printf '%s' "$postgres" >postgres_password

cat >redis.conf <<CONF
bind * -::*
requirepass $redis
save ""
appendonly no
maxmemory 128mb
maxmemory-policy volatile-ttl
CONF

cat >reko.ini <<INI
; See reko.example.ini for every key.

[http]
addr = 0.0.0.0:3000
; The site's address, and the proxy in front of it: see docs/operations.md.
;public_url = https://reko.example.org
;trusted_proxies = 172.16.0.0/12

[db]
url = postgres://reko:$postgres@postgres/reko?sslmode=disable

[redis]
url = redis://default:$redis@redis:6379/0

[mal]
; From https://myanimelist.net/apiconfig.
client_id =

[log]
format = json
INI

# Compose mounts these files as they are, and the programs in the containers run as users of their own. The folder keeps everybody else on
# this machine out; as root, each file belongs to the one who reads it.
if [ "$(id -u)" = 0 ]; then
	chown 65532:65532 reko.ini
	chown 70:70 postgres_password
	chown 999:1000 redis.conf
	chmod 400 reko.ini postgres_password redis.conf
else
	chmod 444 reko.ini postgres_password redis.conf
fi
echo "made deploy/secrets: reko.ini, postgres_password, redis.conf"
