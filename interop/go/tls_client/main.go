// A client of the matrix on grpc-go, for TLS.
//
//	tls_client --target 127.0.0.1:PORT --tls FOLDER [--mutual] [--json] CASE...
//
// Prints `pass CASE` or `fail CASE: why` for each case as it ends.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"halloo-interop/certificates"
	"halloo-interop/interop"
	"halloo-interop/jsoncodec"
)

// For a call that should take no time at all.
const plenty = 20 * time.Second

const mib = 1 << 20

var cases = map[string]func(context.Context, interop.InteropClient) error{
	"unary":            unary,
	"server_streaming": serverStreaming,
	"client_streaming": clientStreaming,
	"bidi_streaming":   bidiStreaming,
	"big_unary":        bigUnary,
	"big_streaming":    bigStreaming,
	"many_at_once":     manyAtOnce,
	"refused":          refused,
}

func unary(ctx context.Context, client interop.InteropClient) error {
	return echo(ctx, client, &interop.Payload{Text: "Grüße", Body: []byte{0, 1, 2}})
}

func bigUnary(ctx context.Context, client interop.InteropClient) error {
	return echo(ctx, client, &interop.Payload{Body: bytes.Repeat([]byte("gRPC"), mib/4)})
}

func echo(ctx context.Context, client interop.InteropClient, payload *interop.Payload) error {
	reply, err := client.Echo(ctx, payload)
	if err != nil {
		return err
	}
	return same(reply, payload)
}

func same(got, expected *interop.Payload) error {
	if got.Text != expected.Text || !bytes.Equal(got.Body, expected.Body) {
		return fmt.Errorf("got %q and %d bytes, expected %q and %d", got.Text, len(got.Body), expected.Text, len(expected.Body))
	}
	return nil
}

func serverStreaming(ctx context.Context, client interop.InteropClient) error {
	numbers, err := client.Count(ctx, &interop.CountRequest{Count: 1000})
	if err != nil {
		return err
	}
	for expected := range int64(1000) {
		number, err := numbers.Recv()
		if err != nil {
			return err
		}
		if number.Value != expected {
			return fmt.Errorf("got %d, expected %d", number.Value, expected)
		}
	}
	return ended(numbers.Recv())
}

// ended wants the end of a stream.
func ended[Message any](message *Message, err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("got %v and %v where the stream should end", message, err)
}

func clientStreaming(ctx context.Context, client interop.InteropClient) error {
	numbers, err := client.Sum(ctx)
	if err != nil {
		return err
	}
	expected := int64(0)
	for value := int64(-10); value < 1000; value++ {
		expected += value
		if err := numbers.Send(&interop.Number{Value: value}); err != nil {
			return err
		}
	}
	sum, err := numbers.CloseAndRecv()
	if err != nil {
		return err
	}
	if sum.Value != expected {
		return fmt.Errorf("got %d, expected %d", sum.Value, expected)
	}
	return nil
}

func bidiStreaming(ctx context.Context, client interop.InteropClient) error {
	return chat(ctx, client, []*interop.Payload{{Text: "one"}, {Text: "two"}, {Text: "three"}})
}

func bigStreaming(ctx context.Context, client interop.InteropClient) error {
	payloads := make([]*interop.Payload, 8)
	for number := range payloads {
		payloads[number] = &interop.Payload{Text: fmt.Sprint(number), Body: bytes.Repeat([]byte{byte(number)}, mib)}
	}
	return chat(ctx, client, payloads)
}

func chat(ctx context.Context, client interop.InteropClient, payloads []*interop.Payload) error {
	stream, err := client.Chat(ctx)
	if err != nil {
		return err
	}
	for _, payload := range payloads {
		if err := stream.Send(payload); err != nil {
			return err
		}
		reply, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := same(reply, payload); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return ended(stream.Recv())
}

func manyAtOnce(ctx context.Context, client interop.InteropClient) error {
	outcomes := make(chan error)
	for number := range 100 {
		go func() { outcomes <- echo(ctx, client, &interop.Payload{Text: fmt.Sprint(number)}) }()
	}
	var failures []error
	for range 100 {
		failures = append(failures, <-outcomes)
	}
	return errors.Join(failures...)
}

// refused is a client without a certificate, and a server that wants one.
func refused(ctx context.Context, client interop.InteropClient) error {
	_, err := client.Echo(ctx, &interop.Payload{})
	if status.Code(err) != codes.Unavailable {
		return fmt.Errorf("got %v, expected UNAVAILABLE", err)
	}
	return nil
}

func main() {
	target := flag.String("target", "", "the server")
	folder := flag.String("tls", "", "the folder of the certificates")
	mutual := flag.Bool("mutual", false, "show a certificate")
	json := flag.Bool("json", false, "call in application/grpc+json")
	flag.Parse()

	credentials, err := certificates.Client(*folder, *mutual)
	if err != nil {
		log.Fatal(err)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(credentials)}
	if *json {
		options = append(options, grpc.WithDefaultCallOptions(grpc.CallContentSubtype(jsoncodec.Name)))
	}
	connection, err := grpc.NewClient(*target, options...)
	if err != nil {
		log.Fatal(err)
	}
	client := interop.NewInteropClient(connection)
	exit := 0
	for _, name := range flag.Args() {
		if err := run(name, client); err != nil {
			fmt.Printf("fail %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
			exit = 1
			continue
		}
		fmt.Printf("pass %s\n", name)
	}
	os.Exit(exit)
}

func run(name string, client interop.InteropClient) error {
	check, known := cases[name]
	if !known {
		return errors.New("the Go client has no such case")
	}
	ctx, cancel := context.WithTimeout(context.Background(), plenty)
	defer cancel()
	return check(ctx, client)
}
