#!/usr/bin/env python3
"""Prints what a board sends, one JSON object a line, decoded by nothing of Penstock's.

usage: "$(tools/python)" tools/observe.py --port PORT --authority CA.pem --certificate C.pem --key K.key
                                          [--topic 'penstock/#'] [--seconds N] [--count N]

Each line: {"topic", "qos", "retained", "bytes", "value", "deterministic", "seconds"}. `value` is the CBOR
map with its keys as text and byte strings in hexadecimal; `deterministic` says whether encoding it again
by RFC 8949, 4.2.1 gives the same bytes. A payload that is no CBOR has "error" in place of both.
Ends after the given seconds or messages; exit status 1 if no message came.
"""
import argparse
import json
import ssl
import sys
import time

import cbor2
import paho.mqtt.client as mqtt


def shown(value):
    """The value as JSON can say it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return value


def decoded(payload):
    try:
        value = cbor2.loads(payload)
        return {"value": shown(value), "deterministic": cbor2.dumps(value, canonical=True) == payload}
    except (cbor2.CBORDecodeError, ValueError, EOFError) as error:
        return {"error": str(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--topic", default="penstock/#")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=0, help="end after so many messages (0: never)")
    arguments = parser.parse_args()

    seen = 0
    started = time.monotonic()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="observe", protocol=mqtt.MQTTv5)
    context = ssl.create_default_context(cafile=arguments.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(arguments.certificate, arguments.key)
    client.tls_set_context(context)

    def connected(client, userdata, flags, reason, properties):
        if reason.is_failure:
            sys.exit(f"error: the broker refused the connection: {reason}")
        client.subscribe(arguments.topic, qos=1)

    def subscribed(client, userdata, mid, reasons, properties):
        print(json.dumps({"subscribed": arguments.topic}), flush=True)

    def received(client, userdata, message):
        nonlocal seen
        seen += 1
        line = {"topic": message.topic, "qos": message.qos, "retained": bool(message.retain), "bytes": len(message.payload)}
        line |= decoded(message.payload)
        line["seconds"] = round(time.monotonic() - started, 3)
        print(json.dumps(line), flush=True)

    client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, received
    client.connect("127.0.0.1", arguments.port, keepalive=30)
    while time.monotonic() - started < arguments.seconds and not (arguments.count and seen >= arguments.count):
        client.loop(timeout=0.2)
    client.disconnect()
    return 0 if seen else 1


if __name__ == "__main__":
    sys.exit(main())
