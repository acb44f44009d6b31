#!/usr/bin/env bash
# Peers:     grpc-go 1.85.0, grpcio 1.85.3 and grpc-js 1.14.7, clients in plaintext behind an HTTP CONNECT proxy.
# Guess:     http_proxy is for plaintext and https_proxy for TLS, in either case, and no_proxy means what it means for curl.
# Behaviour: the scheme plays no part. grpc-go heeds HTTPS_PROXY and https_proxy, grpcio and grpc-js only lower case:
#            grpc_proxy, https_proxy, http_proxy. An entry of no_proxy with `*` or with a port exempts in grpc-go alone.
# Seen:      the table under `expected`: `proxy` is a CONNECT for the target, `direct` none.
# Needs:     go 1.26, node 20, npm, python3 with venv. Nothing leaves the machine but look-ups of a name under `invalid.`
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
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	channel, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := health.NewHealthClient(channel).Check(ctx, &health.HealthCheckRequest{}); err == nil {
		panic("nobody is there")
	}
}
EOF
(cd go && go mod tidy 2>tidy.log && go build -o ../go-client .) || { cat go/tidy.log; exit 1; }

npm init -y >npm.log
npm install --silent @grpc/grpc-js@1.14.7 >npm.log
cat >client.mjs <<'EOF'
import grpc from '@grpc/grpc-js';
const same = (bytes) => bytes;
const client = new grpc.Client(process.argv[2], grpc.credentials.createInsecure());
client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), new grpc.Metadata(), { deadline: Date.now() + 5_000 },
  (error) => process.exit(error ? 0 : 1));
EOF

python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3
cat >client.py <<'EOF'
import sys

import grpc

try:
    grpc.insecure_channel(sys.argv[1]).unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5)
except grpc.RpcError:
    sys.exit(0)
sys.exit("nobody is there")
EOF

# A proxy that notes what it is asked for and refuses.
cat >drive.py <<'EOF'
import os
import socket
import subprocess
import sys
import threading

asked = []
listener = socket.create_server(("127.0.0.1", 0))
address = "http://127.0.0.1:%d" % listener.getsockname()[1]


def serve():
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as reader:
            line = reader.readline().decode()
            while reader.readline().strip():
                pass
            asked.append(line.split(" ")[1])
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


threading.Thread(target=serve, daemon=True).start()
clients = {"grpc-go": ["./go-client"], "grpcio": ["python/bin/python", "client.py"], "grpc-js": ["node", "client.mjs"]}
host = "backend.invalid:5051"
cases = [(f"{variable} set", {variable: address}) for variable in
         ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "grpc_proxy", "all_proxy"]]
cases += [(f"https_proxy, no_proxy={exempt}", {"https_proxy": address, "no_proxy": exempt}) for exempt in
          ["invalid", ".invalid", "*.invalid", "*", host]]
for title, variables in cases:
    answers = []
    for name, command in clients.items():
        asked.clear()
        clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        subprocess.run([*command, host], env=clean | variables, check=True, timeout=60, stdout=sys.stderr)
        answers.append(f"{name} " + ("proxy" if host in asked else "direct"))
    print(f"{title}: {', '.join(answers)}", flush=True)
EOF
python/bin/python drive.py 2>log | tee seen || { cat log; exit 1; }

cat >expected <<'EOF'
http_proxy set: grpc-go direct, grpcio proxy, grpc-js proxy
HTTP_PROXY set: grpc-go direct, grpcio direct, grpc-js direct
https_proxy set: grpc-go proxy, grpcio proxy, grpc-js proxy
HTTPS_PROXY set: grpc-go proxy, grpcio direct, grpc-js direct
grpc_proxy set: grpc-go direct, grpcio proxy, grpc-js proxy
all_proxy set: grpc-go direct, grpcio direct, grpc-js direct
https_proxy, no_proxy=invalid: grpc-go direct, grpcio direct, grpc-js direct
https_proxy, no_proxy=.invalid: grpc-go direct, grpcio direct, grpc-js direct
https_proxy, no_proxy=*.invalid: grpc-go direct, grpcio proxy, grpc-js proxy
https_proxy, no_proxy=*: grpc-go direct, grpcio proxy, grpc-js proxy
https_proxy, no_proxy=backend.invalid:5051: grpc-go direct, grpcio proxy, grpc-js proxy
EOF
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
