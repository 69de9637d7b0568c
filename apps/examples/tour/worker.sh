#!/bin/sh
# Takes an order a second. While redis is away it says so and goes on: being restarted would not help it.
while :; do
  if count=$(redis-cli -e -h 127.0.0.1 -p "$REDIS_PORT" incr orders 2>&1); then
    echo "order $count"
  else
    echo "no order: $count" >&2
  fi
  sleep 1
done
