"""A FastAPI application whose pages are made by the Rust Greeter.

usage: web.py [PORT [GREETER]]
"""

import socket
import sys
from contextlib import asynccontextmanager

import grpc
import uvicorn
from fastapi import FastAPI, HTTPException, Request

import greeter_pb2
import greeter_pb2_grpc

# What a failed call is to whoever asked by HTTP; everything else is a fault of this server.
HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


def application(target):
    @asynccontextmanager
    async def lifespan(app):
        # One channel for all requests: it multiplexes, and connects again by itself.
        async with grpc.aio.insecure_channel(target) as channel:
            app.state.greeter = greeter_pb2_grpc.GreeterStub(channel)
            yield

    app = FastAPI(title="Polyglot", lifespan=lifespan)

    @app.get("/hello/{name}")
    async def hello(name: str, request: Request):
        try:
            reply = await request.app.state.greeter.SayHello(greeter_pb2.HelloRequest(name=name), timeout=2)
        except grpc.aio.AioRpcError as error:
            raise HTTPException(HTTP_STATUS.get(error.code(), 500), error.code().name) from error
        return {"message": reply.message}

    return app


def serve(port, target):
    listener = socket.create_server(("127.0.0.1", port))
    print(f"🟢 Server started on port {listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(application(target), log_level="warning")).run([listener])


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8000, sys.argv[2] if len(sys.argv) > 2 else "localhost:50051")
