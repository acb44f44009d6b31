#!/usr/bin/env bash
# Peer:      Go 1.26's net/http/httputil.ReverseProxy over HTTP/2 without TLS on both sides, between grpc-go 1.85.0's client and
#            server.
# Guess:     when the server ends a call, the client hears of it at once, through a reverse proxy, too.
# Behaviour: not while the client's half of the stream is open. If the server has sent headers and then ends the call, with an
#            error or with OK, the proxy passes on headers and messages but not the trailers until the client half-closes or
#            sends another message. An error as one block (Trailers-Only) passes at once. Without the proxy all do.
# Seen:      direct: status at once; proxy, after a message: nothing for 2 s, then the status right after the half-close;
#            proxy, Trailers-Only: at once.
# Needs:     go 1.26.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'EOF'
module finding

go 1.26

require google.golang.org/grpc v1.85.0
EOF
cat >main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testing "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// server ends each call after its first request: its size says whether with a reply, its type whether with an error.
type server struct {
	testing.UnimplementedTestServiceServer
}

func (server) FullDuplexCall(stream testing.TestService_FullDuplexCallServer) error {
	request, err := stream.Recv()
	if err != nil {
		return err
	}
	if len(request.ResponseParameters) > 0 {
		if err := stream.Send(&testing.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
	if request.ResponseStatus.GetCode() != 0 {
		return status.Error(codes.ResourceExhausted, "enough")
	}
	return nil
}

func code(err error) codes.Code {
	if err == io.EOF {
		return codes.OK
	}
	return status.Code(err)
}

func call(target, name string, reply bool, fail codes.Code, closing func(testing.TestService_FullDuplexCallClient)) {
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	stream, err := testing.NewTestServiceClient(channel).FullDuplexCall(ctx)
	check(err)
	request := &testing.StreamingOutputCallRequest{ResponseStatus: &testing.EchoStatus{Code: int32(fail)}}
	if reply {
		request.ResponseParameters = []*testing.ResponseParameters{{Size: 1}}
	}
	check(stream.Send(request))
	if reply {
		_, err := stream.Recv()
		check(err)
	}
	end := make(chan error, 1)
	go func() {
		_, err := stream.Recv()
		end <- err
	}()
	select {
	case err := <-end:
		fmt.Printf("%s: %v at once\n", name, code(err))
	case <-time.After(2 * time.Second):
		closing(stream)
		select {
		case err := <-end:
			fmt.Printf("%s: held back, then %v\n", name, code(err))
		case <-time.After(5 * time.Second):
			fmt.Printf("%s: held back\n", name)
		}
	}
}

func main() {
	own := grpc.NewServer()
	testing.RegisterTestServiceServer(own, server{})
	back, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go own.Serve(back)

	address, err := url.Parse("http://" + back.Addr().String())
	check(err)
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	proxy := httputil.NewSingleHostReverseProxy(address)
	proxy.Transport = &http.Transport{Protocols: h2c}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go (&http.Server{Handler: proxy, Protocols: h2c}).Serve(front)

	half := func(stream testing.TestService_FullDuplexCallClient) { check(stream.CloseSend()) }
	more := func(stream testing.TestService_FullDuplexCallClient) { check(stream.Send(&testing.StreamingOutputCallRequest{})) }
	direct, proxied := back.Addr().String(), front.Addr().String()
	call(direct, "direct, reply and error", true, codes.ResourceExhausted, half)
	call(direct, "direct, reply and OK", true, codes.OK, half)
	call(proxied, "proxy, reply and error, then a half-close", true, codes.ResourceExhausted, half)
	call(proxied, "proxy, reply and OK, then a half-close", true, codes.OK, half)
	call(proxied, "proxy, reply and error, then a message", true, codes.ResourceExhausted, more)
	call(proxied, "proxy, error alone", false, codes.ResourceExhausted, half)
}
EOF
go mod tidy 2>tidy.log || { cat tidy.log; exit 1; }
go run . 2>log | tee seen || { cat log; exit 1; }

cat >expected <<'EOF'
direct, reply and error: ResourceExhausted at once
direct, reply and OK: OK at once
proxy, reply and error, then a half-close: held back, then ResourceExhausted
proxy, reply and OK, then a half-close: held back, then OK
proxy, reply and error, then a message: held back, then ResourceExhausted
proxy, error alone: ResourceExhausted at once
EOF
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
