#!/usr/bin/env bash
# Peers:     @grpc/reflection 1.0.4 on grpc-js 1.14.7 with @grpc/proto-loader 0.8.1, asked by Python's grpcio-reflection 1.85.1;
#            the answer is given to Python's protobuf 7.36.2 and Go's protodesc 1.36.12.
# Guess:     server reflection returns the files that the server was loaded from, as protoc would have described them.
# Behaviour: it returns one file a package, made anew: named after the package, with everything of all its files in it and
#            without imports; the real file names are not found. In it types are named relatively ("Item", not ".shop.Item"),
#            the entry of the map `more` is called `More`, not `MoreEntry`, `optional` has lost proto3_optional, and
#            `reserved 9` ends before 9. The values of an enum are found only below its name. Python's pool
#            refuses the file for its reserved numbers, Go's protodesc for the map's entry.
# Seen:      the lines under `expected`.
# Needs:     node 20, npm, python3 with venv, go 1.26.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
mkdir -p proto/shop go
cat >proto/shop/item.proto <<'EOF'
syntax = "proto3";
package shop;
message Item { string name = 1; }
enum Size { SMALL = 0; }
EOF
cat >proto/shop/orders.proto <<'EOF'
syntax = "proto3";
package shop;
import "shop/item.proto";
message Order {
  repeated Item items = 1;
  optional int32 count = 2;
  map<string, Item> more = 3;
  Size size = 4;
  reserved 9;
}
service Orders { rpc Place(Order) returns (Order); }
EOF

npm init -y >npm.log
npm install --silent @grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1 @grpc/reflection@1.0.4 >npm.log
cat >server.mjs <<'EOF'
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

const server = new grpc.Server();
new ReflectionService(loader.loadSync('shop/orders.proto', { includeDirs: ['proto'] })).addToServer(server);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
EOF
node server.mjs >port &
server=$!

python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3 grpcio-reflection==1.85.1 protobuf==7.36.2
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
[ -s port ] || { echo 'the server did not start' >&2; exit 1; }
cat >ask.py <<'EOF'
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

ask = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}").stream_stream(
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    request_serializer=ServerReflectionRequest.SerializeToString,
    response_deserializer=ServerReflectionResponse.FromString)
first = None
for question in [{"file_containing_symbol": symbol} for symbol in ["shop.Orders", "shop.Item", "shop.SMALL", "shop.Size.SMALL"]] + [
        {"file_by_filename": "shop/orders.proto"}]:
    (answer,) = ask(iter([ServerReflectionRequest(**question)]), timeout=10)
    (asked,) = question.values()
    if answer.HasField("error_response"):
        print(f"{asked}: error {answer.error_response.error_code}")
        continue
    files = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in answer.file_descriptor_response.file_descriptor_proto]
    first = first or files[0]
    print(f"{asked}: {[file.name for file in files]}")
order = first.message_type[0]
print(f"messages {[message.name for message in first.message_type]}, imports {list(first.dependency)}")
print(f"types of fields {[field.type_name for field in order.field if field.type_name]}, entry {order.nested_type[0].name}")
print(f"proto3_optional {order.field[1].proto3_optional}, reserved {order.reserved_range[0].start} to {order.reserved_range[0].end}")
for what in ["as it came", "without `reserved`"]:
    try:
        descriptor_pool.DescriptorPool().AddSerializedFile(first.SerializeToString())
        print(f"Python's pool takes it {what}: True")
    except TypeError:
        print(f"Python's pool takes it {what}: False")
    order.ClearField("reserved_range")
open("file.bin", "wb").write(first.SerializeToString())
EOF
python/bin/python ask.py "$(cat port)" >seen

cd go
cat >go.mod <<'EOF'
module finding

go 1.26

require google.golang.org/protobuf v1.36.12
EOF
cat >main.go <<'EOF'
package main

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	bytes, err := os.ReadFile("../file.bin")
	if err != nil {
		panic(err)
	}
	file := new(descriptorpb.FileDescriptorProto)
	if err := proto.Unmarshal(bytes, file); err != nil {
		panic(err)
	}
	_, err = protodesc.NewFile(file, protoregistry.GlobalFiles)
	fmt.Println("Go's protodesc takes it without `reserved`:", err == nil)
	fmt.Fprintln(os.Stderr, err)
}
EOF
go mod tidy 2>tidy.log || { cat tidy.log; exit 1; }
go run . >>../seen 2>log
cd ..
cat seen go/log

cat >expected <<'EOF'
shop.Orders: ['shop.proto']
shop.Item: ['shop.proto']
shop.SMALL: error 5
shop.Size.SMALL: ['shop.proto']
shop/orders.proto: error 5
messages ['Order', 'Item'], imports []
types of fields ['Item', 'More', 'Size'], entry More
proto3_optional False, reserved 9 to 9
Python's pool takes it as it came: False
Python's pool takes it without `reserved`: True
Go's protodesc takes it without `reserved`: false
EOF
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
