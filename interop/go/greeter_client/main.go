// The Greeter's client as Go's tutorial teaches it.
//
// usage: greeter_client HOST:PORT NAME
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "halloo-interop/greeter"
)

func main() {
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatalf("no connection: %v", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	reply, err := pb.NewGreeterClient(conn).SayHello(ctx, &pb.HelloRequest{Name: os.Args[2]})
	if err != nil {
		log.Fatalf("no greeting: %v", err)
	}
	fmt.Printf("Greeter client received: %s\n", reply.GetMessage())
}
