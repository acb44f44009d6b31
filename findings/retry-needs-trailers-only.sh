#!/usr/bin/env bash
# Peers:     connect-go 1.21.1 and 2.0.2, connect-node 2.3.0, and grpc-go 1.85.0 behind net/http (Server.ServeHTTP), as servers;
#            grpc-go 1.85.0 and grpc-js 1.14.7 as clients with a retryPolicy.
# Guess:     a retryPolicy with UNAVAILABLE repeats a unary call that the server's handler has failed with UNAVAILABLE.
# Behaviour: against these servers it never does. They end such a call with HEADERS and HEADERS, not with one block
#            (Trailers-Only), and gRFC A6 commits a call at response headers. The same grpc-go server is retried when it serves
#            its own connections, also through Go's httputil.ReverseProxy, and so is grpc-js's.
# Seen:      grpc-go, Serve 3 attempts OK; the same through ReverseProxy 3 attempts OK; grpc-go, ServeHTTP 1 attempt
#            Unavailable; connect-go v1 and v2 1 attempt Unavailable; connect-node 1 attempt code 14; grpc-js 3 attempts OK.
# Needs:     go 1.26, node 20, npm.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/go" "$work/node"

cd "$work/go"
cat >go.mod <<'EOF'
module finding

go 1.26

require (
	connectrpc.com/connect v1.21.1
	connectrpc.com/connect/v2 v2.0.2
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)
EOF
cat >main.go <<'EOF'
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"

	connect1 "connectrpc.com/connect"
	connect2 "connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

const procedure = "/grpc.health.v1.Health/Check"

const config = `{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.01s",
	"maxBackoff": "0.01s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`

// attempts counts what reached a handler since the last call began: the third one succeeds.
var attempts atomic.Int32

func answer() (*health.HealthCheckResponse, bool) {
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, attempts.Add(1) >= 3
}

type server struct {
	health.UnimplementedHealthServer
}

func (server) Check(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	if reply, good := answer(); good {
		return reply, nil
	}
	return nil, status.Error(codes.Unavailable, "busy")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return listener
}

func serve(handler http.Handler) string {
	listener := listen()
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(listener)
	return listener.Addr().String()
}

func call(name, target string) {
	attempts.Store(0)
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(config))
	check(err)
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = health.NewHealthClient(channel).Check(ctx, &health.HealthCheckRequest{})
	fmt.Printf("%s: attempts %d, %v\n", name, attempts.Load(), status.Code(err))
}

func main() {
	own := grpc.NewServer()
	health.RegisterHealthServer(own, server{})
	listener := listen()
	go own.Serve(listener)
	call("grpc-go Serve", listener.Addr().String())

	address, err := url.Parse("http://" + listener.Addr().String())
	check(err)
	proxy := httputil.NewSingleHostReverseProxy(address)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	proxy.Transport = transport
	call("grpc-go Serve behind ReverseProxy", serve(proxy))

	call("grpc-go ServeHTTP", serve(own))

	type request = connect1.Request[health.HealthCheckRequest]
	type response = connect1.Response[health.HealthCheckResponse]
	v1 := connect1.NewUnaryHandler(procedure, func(context.Context, *request) (*response, error) {
		if reply, good := answer(); good {
			return connect1.NewResponse(reply), nil
		}
		return nil, connect1.NewError(connect1.CodeUnavailable, errors.New("busy"))
	})
	call("connect-go v1", serve(v1))

	v2 := connect2.NewServer()
	v2.Register(connect2.Method{
		Spec: connect2.Spec{Procedure: procedure},
		Handler: func(_ context.Context, _ connect2.Spec, stream connect2.ServerStream) error {
			if err := stream.Receive(new(health.HealthCheckRequest)); err != nil {
				return err
			}
			if reply, good := answer(); good {
				return stream.Send(reply)
			}
			return connect2.NewError(connect2.CodeUnavailable, "busy")
		},
	})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, v2)
	call("connect-go v2", serve(mux))
}
EOF
go mod tidy 2>tidy.log || { cat tidy.log; exit 1; }
go run . >"$work/seen"

cd "$work/node"
npm init -y >npm.log
npm install --silent @grpc/grpc-js@1.14.7 @bufbuild/protobuf@2.17.0 @connectrpc/connect@2.3.0 @connectrpc/connect-node@2.3.0 >npm.log
cat >main.mjs <<'EOF'
import http2 from 'node:http2';
import grpc from '@grpc/grpc-js';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Code, ConnectError } from '@connectrpc/connect';
import { create, toBinary } from '@bufbuild/protobuf';
import { fileDesc, serviceDesc } from '@bufbuild/protobuf/codegenv2';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

let attempts = 0;
const good = () => ++attempts >= 3;

// message Number { int32 value = 1; }  service Busy { rpc Ask(Number) returns (Number); }
const file = fileDesc(Buffer.from(toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, {
  name: 'busy.proto',
  syntax: 'proto3',
  messageType: [{ name: 'Number', field: [{ name: 'value', number: 1, type: 5, label: 1 }] }],
  service: [{ name: 'Busy', method: [{ name: 'Ask', inputType: '.Number', outputType: '.Number' }] }],
}))).toString('base64'));
const connect = http2.createServer(connectNodeAdapter({
  routes: (router) => router.service(serviceDesc(file, 0), {
    ask() {
      if (!good()) throw new ConnectError('busy', Code.Unavailable);
      return { value: 1 };
    },
  }),
}));
await new Promise((bound) => connect.listen(0, '127.0.0.1', bound));

const same = (bytes) => bytes;
const server = new grpc.Server();
server.addService({
  ask: {
    path: '/Busy/Ask', requestStream: false, responseStream: false,
    requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
  },
}, {
  ask: (_, reply) => (good() ? reply(null, Buffer.from([8, 1])) : reply({ code: grpc.status.UNAVAILABLE, details: 'busy' })),
});
const port = await new Promise((bound, failed) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(),
  (error, port) => (error ? failed(error) : bound(port))));

const config = {
  methodConfig: [{
    name: [{}],
    retryPolicy: {
      maxAttempts: 4, initialBackoff: '0.01s', maxBackoff: '0.01s', backoffMultiplier: 1, retryableStatusCodes: ['UNAVAILABLE'],
    },
  }],
};
for (const [name, port_] of [['grpc-js', port], ['connect-node', connect.address().port]]) {
  attempts = 0;
  const client = new grpc.Client(`127.0.0.1:${port_}`, grpc.credentials.createInsecure(), { 'grpc.service_config': JSON.stringify(config) });
  const error = await new Promise((done) => client.makeUnaryRequest('/Busy/Ask', same, same, Buffer.alloc(0),
    { deadline: Date.now() + 10_000 }, done));
  console.log(`${name}: attempts ${attempts}, ${error ? grpc.status[error.code] : 'OK'}`);
}
process.exit(0);
EOF
node main.mjs >>"$work/seen"

cat >"$work/expected" <<'EOF'
grpc-go Serve: attempts 3, OK
grpc-go Serve behind ReverseProxy: attempts 3, OK
grpc-go ServeHTTP: attempts 1, Unavailable
connect-go v1: attempts 1, Unavailable
connect-go v2: attempts 1, Unavailable
grpc-js: attempts 3, OK
connect-node: attempts 1, UNAVAILABLE
EOF
cat "$work/seen"
diff "$work/expected" "$work/seen" || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
