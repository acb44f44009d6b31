#!/usr/bin/env bash
# Peers:     grpcio 1.85.3, grpc-js 1.14.7 and grpc-go 1.85.0, clients of a server that refuses every call before it looks at it.
# Guess:     a call that no handler can have seen is sent once more by itself (gRFC A6, "Transparent Retries"), whichever way
#            the server says so: RST_STREAM with REFUSED_STREAM, or GOAWAY with a last stream below the call's.
# Behaviour: grpc-js and grpc-go do that for both. grpcio does it for GOAWAY alone: REFUSED_STREAM is the end of the call, and
#            with a retryPolicy it counts as one of its attempts.
# Seen:      the table under `expected`: how many requests the server got for one call.
# Needs:     go 1.26, node 20, npm, python3 with venv.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir go
cat >go/go.mod <<'EOF'
module finding

go 1.26

require google.golang.org/grpc v1.85.0
EOF
cat >go/main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func main() {
	channel, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = health.NewHealthClient(channel).Check(ctx, &health.HealthCheckRequest{})
	fmt.Println(status.Code(err))
}
EOF
(cd go && go mod tidy 2>tidy.log && go build -o ../go-client .) || { cat go/tidy.log; exit 1; }

npm init -y >npm.log
npm install --silent @grpc/grpc-js@1.14.7 >npm.log
cat >client.mjs <<'EOF'
import grpc from '@grpc/grpc-js';
const same = (bytes) => bytes;
const client = new grpc.Client(process.argv[2], grpc.credentials.createInsecure());
client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), new grpc.Metadata(), { deadline: Date.now() + 20_000 },
  (error) => { console.log(error ? grpc.status[error.code] : 'OK'); process.exit(0); });
EOF

python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3
cat >client.py <<'EOF'
import json
import sys

import grpc

policy = {"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
          "retryableStatusCodes": ["UNAVAILABLE"]}
config = {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}
options = [("grpc.service_config", json.dumps(config))] if "policy" in sys.argv else []
try:
    grpc.insecure_channel(sys.argv[1], options=options).unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=20)
    print("OK")
except grpc.RpcError as error:
    print(error.code().name)
EOF

# Servers of bare frames that count requests.
cat >drive.py <<'EOF'
import socket
import struct
import subprocess
import sys
import threading

SETTINGS, PING, HEADERS, RST_STREAM, GOAWAY, ACK, REFUSED_STREAM = 4, 6, 1, 3, 7, 1, 7


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def serve(connection, refusal, requests):
    with connection, connection.makefile("rb") as reader:
        reader.read(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        connection.sendall(frame(SETTINGS, 0, 0))
        while len(head := reader.read(9)) == 9:
            payload = reader.read(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind in (SETTINGS, PING) and not flags & ACK:
                connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
            if kind == HEADERS:
                requests.append(stream)
                if refusal == "REFUSED_STREAM":
                    connection.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM)))
                else:
                    connection.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)))


def accept(listener, refusal, requests):
    while True:
        arguments = (listener.accept()[0], refusal, requests)
        threading.Thread(target=serve, args=arguments, daemon=True).start()


clients = {"grpcio": ["python/bin/python", "client.py"], "grpcio, 3 attempts by policy": ["python/bin/python", "client.py"],
           "grpc-js": ["node", "client.mjs"], "grpc-go": ["./go-client"]}
for refusal in ["REFUSED_STREAM", "GOAWAY"]:
    for name, command in clients.items():
        requests = []
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=accept, args=(listener, refusal, requests), daemon=True).start()
        target = "127.0.0.1:%d" % listener.getsockname()[1]
        extra = ["policy"] if "policy" in name else []
        ended = subprocess.run([*command, target, *extra], check=True, timeout=60, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        print(f"{refusal}: {name}: {len(requests)} requests, {ended.stdout.strip().upper()}", flush=True)
EOF
python/bin/python drive.py 2>log | tee seen || { cat log; exit 1; }

cat >expected <<'EOF'
REFUSED_STREAM: grpcio: 1 requests, UNAVAILABLE
REFUSED_STREAM: grpcio, 3 attempts by policy: 3 requests, UNAVAILABLE
REFUSED_STREAM: grpc-js: 2 requests, UNAVAILABLE
REFUSED_STREAM: grpc-go: 2 requests, UNAVAILABLE
GOAWAY: grpcio: 2 requests, UNAVAILABLE
GOAWAY: grpcio, 3 attempts by policy: 4 requests, UNAVAILABLE
GOAWAY: grpc-js: 2 requests, UNAVAILABLE
GOAWAY: grpc-go: 2 requests, UNAVAILABLE
EOF
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
