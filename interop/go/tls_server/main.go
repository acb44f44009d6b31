// A server of the matrix on grpc-go, for TLS: the kinds of call of `Interop`, without what other cells are about.
//
//	tls_server --listen 127.0.0.1:0 --tls FOLDER [--mutual]
//
// Prints `listening on ADDRESS` once it can be called, and serves until it is killed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"

	"google.golang.org/grpc"

	"halloo-interop/certificates"
	"halloo-interop/interop"
	_ "halloo-interop/jsoncodec"
)

type service struct {
	interop.UnimplementedInteropServer
}

func (service) Echo(_ context.Context, payload *interop.Payload) (*interop.Payload, error) {
	return payload, nil
}

func (service) Count(request *interop.CountRequest, numbers grpc.ServerStreamingServer[interop.Number]) error {
	for value := range request.Count {
		if err := numbers.Send(&interop.Number{Value: int64(value)}); err != nil {
			return err
		}
	}
	return nil
}

func (service) Sum(numbers grpc.ClientStreamingServer[interop.Number, interop.Number]) error {
	sum := int64(0)
	for {
		number, err := numbers.Recv()
		if errors.Is(err, io.EOF) {
			return numbers.SendAndClose(&interop.Number{Value: sum})
		}
		if err != nil {
			return err
		}
		sum += number.Value
	}
}

func (service) Chat(payloads grpc.BidiStreamingServer[interop.Payload, interop.Payload]) error {
	for {
		payload, err := payloads.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := payloads.Send(payload); err != nil {
			return err
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where")
	folder := flag.String("tls", "", "the folder of the certificates")
	mutual := flag.Bool("mutual", false, "want a certificate of clients")
	flag.Parse()

	credentials, err := certificates.Server(*folder, *mutual)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials))
	interop.RegisterInteropServer(server, service{})
	fmt.Printf("listening on %s\n", listener.Addr())
	log.Fatal(server.Serve(listener))
}
