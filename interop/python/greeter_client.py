"""The Greeter's client as Python's tutorial teaches it.

usage: greeter_client.py HOST:PORT NAME
"""

import sys

import grpc

import greeter_pb2
import greeter_pb2_grpc


def run(target, name):
    with grpc.insecure_channel(target) as channel:
        stub = greeter_pb2_grpc.GreeterStub(channel)
        response = stub.SayHello(greeter_pb2.HelloRequest(name=name))
    print(f"Greeter client received: {response.message}")


if __name__ == "__main__":
    run(*sys.argv[1:])
