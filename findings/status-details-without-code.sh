#!/usr/bin/env bash
# Peers:     clients that read `grpc-status-details-bin`: grpc-go 1.85.0, connect-go 1.21.1 and 2.0.2, connect-es 2.3.0 (over
#            gRPC), grpcio 1.85.3 with grpcio-status 1.85.3, grpc-js 1.14.7.
# Guess:     details are an addition: code and text of `grpc-status` and `grpc-message` count, whatever the details leave out.
#            gRPC's PROTOCOL-HTTP2 forbids only that a code in the details contradicts `grpc-status`.
# Behaviour: a google.rpc.Status without a code beside `grpc-status: 5` is INTERNAL for grpc-go, code 0 for connect-go 1,
#            UNKNOWN for connect-go 2, NOT_FOUND for grpc-js and grpcio, whose grpcio-status raises ValueError for the details,
#            and success for connect-es: a stream of replies ends without an error, a unary call fails for want of a message.
#            With the right code but another text, grpc-go, connect-go and connect-es show the details' text, grpc-js and
#            grpcio grpc-message; grpcio-status raises ValueError here, too.
# Seen:      the lines under `expected`.
# Needs:     go 1.26, node 20, npm, python3 with venv.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/go" "$work/node"

cd "$work/go"
cat >go.mod <<'EOF'
module finding

go 1.26

require (
	connectrpc.com/connect v1.21.1
	connectrpc.com/connect/v2 v2.0.2
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)
EOF
cat >main.go <<'EOF'
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	connect1 "connectrpc.com/connect"
	connect2 "connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

const procedure = "/finding.Tale/Ask"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// fail answers NOT_FOUND with details as the request's `case` wants them; under /finding.Tale/Watch after an empty message.
func fail(w http.ResponseWriter, r *http.Request) {
	reason, err := anypb.New(&errdetails.ErrorInfo{Reason: "GONE", Domain: "example.com"})
	check(err)
	details := &rpc.Status{Code: 5, Message: "no such book", Details: []*anypb.Any{reason}}
	switch r.Header.Get("case") {
	case "no-code":
		details.Code = 0
	case "other-text":
		details.Message = "no such book: 17"
	}
	bytes, err := proto.Marshal(details)
	check(err)
	prefix := ""
	w.Header().Set("Content-Type", "application/grpc")
	if strings.HasSuffix(r.URL.Path, "/Watch") {
		_, err = w.Write(make([]byte, 5))
		check(err)
		prefix = http.TrailerPrefix
	}
	w.Header().Set(prefix+"Grpc-Status", "5")
	w.Header().Set(prefix+"Grpc-Message", "no such book")
	w.Header().Set(prefix+"Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(bytes))
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	go (&http.Server{Handler: http.HandlerFunc(fail), Protocols: h2c}).Serve(listener)
	address := listener.Addr().String()

	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	httpClient := &http.Client{Transport: &http.Transport{Protocols: h2c}}
	v1 := connect1.NewClient[health.HealthCheckRequest, health.HealthCheckResponse](httpClient, "http://"+address+procedure, connect1.WithGRPC())
	v2 := connect2.NewClient(connecthttp.NewTransport(httpClient, "http://"+address, connecthttp.WithGRPC()))
	for _, name := range []string{"right", "no-code", "other-text"} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := channel.Invoke(metadata.AppendToOutgoingContext(ctx, "case", name), procedure, &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
		text, _, _ := strings.Cut(status.Convert(err).Message(), "mismatch:")
		fmt.Printf("%s, grpc-go: %v %s\n", name, status.Code(err), strings.TrimSpace(text))

		request := connect1.NewRequest(&health.HealthCheckRequest{})
		request.Header().Set("case", name)
		_, err = v1.CallUnary(ctx, request)
		fmt.Printf("%s, connect-go v1: %v\n", name, err)

		ctx, call := connect2.NewClientContext(ctx)
		call.RequestHeader().Set("case", name)
		err = v2.CallUnary(ctx, connect2.Spec{Procedure: procedure}, &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
		fmt.Printf("%s, connect-go v2: %v\n", name, err)
	}
	check(os.WriteFile("address.new", []byte(address), 0o600))
	check(os.Rename("address.new", "address"))
	select {}
}
EOF
go mod tidy 2>tidy.log || { cat tidy.log; exit 1; }
go build -o finding .
./finding >"$work/seen" &
server=$!
for _ in $(seq 100); do [ -s address ] && break; sleep 0.1; done
address=$(cat address)

cd "$work/node"
npm init -y >npm.log
npm install --silent @grpc/grpc-js@1.14.7 @bufbuild/protobuf@2.17.0 @connectrpc/connect@2.3.0 @connectrpc/connect-node@2.3.0 >npm.log
cat >main.mjs <<'EOF'
import grpc from '@grpc/grpc-js';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { create, toBinary } from '@bufbuild/protobuf';
import { fileDesc, serviceDesc } from '@bufbuild/protobuf/codegenv2';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

const file = fileDesc(Buffer.from(toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, {
  name: 'tale.proto',
  package: 'finding',
  syntax: 'proto3',
  messageType: [{ name: 'Nothing' }],
  service: [{
    name: 'Tale',
    method: [
      { name: 'Ask', inputType: '.finding.Nothing', outputType: '.finding.Nothing' },
      { name: 'Watch', inputType: '.finding.Nothing', outputType: '.finding.Nothing', serverStreaming: true },
    ],
  }],
}))).toString('base64'));
const address = process.argv[2];
const connect = createClient(serviceDesc(file, 0), createGrpcTransport({ baseUrl: `http://${address}` }));
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const same = (bytes) => bytes;
const outcome = async (call) => {
  try {
    await call();
    return 'success';
  } catch (error) {
    return error.message;
  }
};
for (const name of ['right', 'no-code', 'other-text']) {
  const options = { headers: { case: name }, timeoutMs: 10_000 };
  console.log(`${name}, connect-es, unary: ${await outcome(() => connect.ask({}, options))}`);
  console.log(`${name}, connect-es, stream: ${await outcome(async () => {
    for await (const _ of connect.watch({}, options));
  })}`);
  const metadata = new grpc.Metadata();
  metadata.set('case', name);
  const error = await new Promise((done) => client.makeUnaryRequest('/finding.Tale/Ask', same, same, Buffer.alloc(0), metadata,
    { deadline: Date.now() + 10_000 }, done));
  console.log(`${name}, grpc-js: ${error.message}`);
}
process.exit(0);
EOF
node main.mjs "$address" >>"$work/seen"

cd "$work"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3 grpcio-status==1.85.3 protobuf==7.36.2
cat >main.py <<'EOF'
import sys

import grpc
from grpc_status import rpc_status

ask = grpc.insecure_channel(sys.argv[1]).unary_unary("/finding.Tale/Ask")
for name in ["right", "no-code", "other-text"]:
    try:
        ask(b"", metadata=[("case", name)], timeout=10)
    except grpc.RpcError as error:
        try:
            details = f"{len(rpc_status.from_call(error).details)} detail"
        except ValueError as refusal:
            details = type(refusal).__name__
        print(f"{name}, grpcio: {error.code().name} {error.details()}, {details}")
EOF
python/bin/python main.py "$address" >>seen

sort -s -t, -k1,1 seen | tee sorted
sort -s -t, -k1,1 >expected <<'EOF'
right, grpc-go: NotFound no such book
right, connect-go v1: not_found: no such book
right, connect-go v2: not_found: no such book
right, connect-es, unary: [not_found] no such book
right, connect-es, stream: [not_found] no such book
right, grpc-js: 5 NOT_FOUND: no such book
right, grpcio: NOT_FOUND no such book, 1 detail
no-code, grpc-go: Internal grpc-status-details-bin
no-code, connect-go v1: code_0: no such book
no-code, connect-go v2: unknown: no such book
no-code, connect-es, unary: [unknown] protocol error: missing output message for unary method
no-code, connect-es, stream: success
no-code, grpc-js: 5 NOT_FOUND: no such book
no-code, grpcio: NOT_FOUND no such book, ValueError
other-text, grpc-go: NotFound no such book: 17
other-text, connect-go v1: not_found: no such book: 17
other-text, connect-go v2: not_found: no such book: 17
other-text, connect-es, unary: [not_found] no such book: 17
other-text, connect-es, stream: [not_found] no such book: 17
other-text, grpc-js: 5 NOT_FOUND: no such book
other-text, grpcio: NOT_FOUND no such book, ValueError
EOF
diff expected sorted || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
