#!/usr/bin/env bash
# Peers:     the reflection servers of grpc-go 1.85.0 and of Python's grpcio-reflection 1.85.1, with channelz as the service.
# Guess:     one of the two versions of the protocol, v1, is everywhere by now, and the same question gets the same answer.
# Behaviour: Python's server has only v1alpha, v1 is UNIMPLEMENTED. It does not find methods by name, Go does. Go sends a file's
#            imports once a stream: the second question about the same service gets its file alone, while Python sends all
#            again. A request without a question is an error response in Python, and ends Go's stream with INVALID_ARGUMENT.
# Seen:      the lines under `expected`.
# Needs:     go 1.26, python3 with venv.
set -euo pipefail
work=$(mktemp -d)
go_server=
python_server=
trap 'for server in $go_server $python_server; do kill "$server" 2>/dev/null || true; done; rm -rf "$work"' EXIT
mkdir "$work/go"

cd "$work/go"
cat >go.mod <<'EOF'
module finding

go 1.26

require google.golang.org/grpc v1.85.0
EOF
cat >main.go <<'EOF'
package main

import (
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/reflection"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	server := grpc.NewServer()
	service.RegisterChannelzServiceToServer(server)
	reflection.Register(server)
	if err := server.Serve(listener); err != nil {
		panic(err)
	}
}
EOF
go mod tidy 2>tidy.log || { cat tidy.log; exit 1; }
go build -o finding .

cd "$work"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check \
    grpcio==1.85.3 grpcio-reflection==1.85.1 grpcio-channelz==1.85.0 protobuf==7.36.2
cat >server.py <<'EOF'
from concurrent import futures

import grpc
from grpc_channelz.v1 import channelz
from grpc_reflection.v1alpha import reflection

server = grpc.server(futures.ThreadPoolExecutor())
channelz.add_channelz_servicer(server)
reflection.enable_server_reflection(["grpc.channelz.v1.Channelz", reflection.SERVICE_NAME], server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"127.0.0.1:{port}", flush=True)
server.wait_for_termination()
EOF
cat >ask.py <<'EOF'
import sys

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse


def count(answer):
    if answer.HasField("error_response"):
        return f"error {answer.error_response.error_code}"
    return f"{len(answer.file_descriptor_response.file_descriptor_proto)} files"


service = "grpc.channelz.v1.Channelz"
for title, address in zip(["grpc-go", "grpcio"], sys.argv[1:]):
    channel = grpc.insecure_channel(address)
    for version in ["v1", "v1alpha"]:
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString)
        questions = [ServerReflectionRequest(file_containing_symbol=symbol) for symbol in [service, service, service + ".GetSocket"]]
        answers = []
        try:
            for answer in ask(iter([*questions, ServerReflectionRequest()]), timeout=10):
                answers.append(count(answer))
        except grpc.RpcError as error:
            answers.append(error.code().name)
        print(f"{title} {version}: {', '.join(answers)}")
EOF
go/finding >go-address &
go_server=$!
python/bin/python server.py >python-address &
python_server=$!
for _ in $(seq 100); do [ -s go-address ] && [ -s python-address ] && break; sleep 0.1; done
echo "the service's file; again; the file of a method; no question"
python/bin/python ask.py "$(cat go-address)" "$(cat python-address)" | tee seen

cat >expected <<'EOF'
grpc-go v1: 5 files, 1 files, 1 files, INVALID_ARGUMENT
grpc-go v1alpha: 5 files, 1 files, 1 files, INVALID_ARGUMENT
grpcio v1: UNIMPLEMENTED
grpcio v1alpha: 5 files, 5 files, error 5, error 3
EOF
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
