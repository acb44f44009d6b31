"""The Greeter as Python's tutorial teaches it, with one difference: it takes any free port and prints it."""

from concurrent import futures

import grpc

import greeter_pb2
import greeter_pb2_grpc


class Greeter(greeter_pb2_grpc.GreeterServicer):
    def SayHello(self, request, context):
        return greeter_pb2.HelloReply(message=f"Hello, {request.name}!")


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    greeter_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
    port = server.add_insecure_port("[::]:0")
    server.start()
    print(f"Server started, listening on {port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    serve()
