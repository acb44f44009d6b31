"""The Python server of the matrix: `Interop` of interop/proto/interop.proto on stock grpcio.

usage: server.py --listen 127.0.0.1:0 | [::1]:0 | unix:/path [--tls FOLDER [--mutual]]

Prints `listening on ADDRESS` once it can be called, and serves until it is killed.
"""

import argparse
import pathlib
import threading
from concurrent import futures

import grpc
from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

import interop_pb2
import interop_pb2_grpc

# A call that is watched and the one that watches hold a thread each; the rest is for calls at the same time.
THREADS = 160

# Seconds. What grpcio calls the time left of a call without a deadline is centuries.
FOR_EVER = 10 * 365 * 24 * 3600

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Journal:
    """What became of the calls that are held, by their keys."""

    def __init__(self):
        self._changed = threading.Condition()
        self._seen = {}
        self._stages = {}

    def started(self, key, time_left):
        seen = interop_pb2.Seen()
        if time_left < FOR_EVER:
            seen.has_deadline = True
            seen.time_left_millis = int(time_left * 1000)
        self._seen[key] = seen
        self._reach(key, interop_pb2.STAGE_STARTED)

    def cancelled(self, key):
        self._reach(key, interop_pb2.STAGE_CANCELLED)

    def wait(self, key, stage, time_limit):
        """The record of `key` once it has reached `stage`; None if it does not in time."""
        with self._changed:
            if self._changed.wait_for(lambda: self._stages.get(key, 0) >= stage, time_limit):
                return self._seen[key]
            return None

    def _reach(self, key, stage):
        with self._changed:
            self._stages[key] = stage
            self._changed.notify_all()


class Interop(interop_pb2_grpc.InteropServicer):
    def __init__(self):
        self._journal = Journal()

    def Echo(self, request, context):
        compress(context)
        echo_metadata(context)
        return request

    def Count(self, request, context):
        for value in range(request.count):
            yield interop_pb2.Number(value=value)
        if request.HasField("failure"):
            fail(context, request.failure)

    def Sum(self, request_iterator, context):
        return interop_pb2.Number(value=sum(number.value for number in request_iterator))

    def Chat(self, request_iterator, context):
        compress(context)
        echo_metadata(context)
        for payload in request_iterator:
            if payload.text == "bye":
                return
            yield payload

    def Fail(self, request, context):
        context.set_trailing_metadata(echoed(context, "x-trail"))
        fail(context, request)

    def Produce(self, request, context):
        return interop_pb2.Payload(body=bytes(request.bytes))

    def Hold(self, request, context):
        self._hold(request.key, context)
        return interop_pb2.Payload()

    def HoldStream(self, request, context):
        yield interop_pb2.Number(value=1)
        self._hold(request.key, context)

    def Watch(self, request, context):
        seen = self._journal.wait(request.key, request.stage, context.time_remaining())
        if seen is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"the call {request.key} has not come so far")
        return seen

    def _hold(self, key, context):
        cancelled = threading.Event()
        # add_callback says False if the call is over already.
        if not context.add_callback(cancelled.set):
            cancelled.set()
        self._journal.started(key, context.time_remaining())
        cancelled.wait()
        self._journal.cancelled(key)


def compress(context):
    """Compresses the replies as the caller wants, by x-compress."""
    for name, value in context.invocation_metadata():
        if name == "x-compress":
            context.set_compression({"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}[value])


def echo_metadata(context):
    context.send_initial_metadata(echoed(context, "x-echo"))
    context.set_trailing_metadata(echoed(context, "x-trail"))


def echoed(context, key):
    """The caller's x-echo and x-echo-bin, in order, under another key."""
    metadata = context.invocation_metadata()
    text = [(key, value) for name, value in metadata if name == "x-echo"]
    binary = [(f"{key}-bin", value) for name, value in metadata if name == "x-echo-bin"]
    return tuple(text + binary)


def fail(context, failure):
    if not failure.violations:
        context.abort(CODES[failure.code], failure.message)
    status = status_pb2.Status(code=failure.code, message=failure.message)
    for violation in failure.violations:
        detail = any_pb2.Any()
        detail.Pack(violation)
        status.details.append(detail)
    context.abort_with_status(rpc_status.to_status(status))


def credentials(folder, mutual):
    read = lambda name: (folder / name).read_bytes()
    wanted = {}
    if mutual:
        wanted = {"root_certificates": read("ca.pem"), "require_client_auth": True}
    return grpc.ssl_server_credentials([(read("server.key"), read("server.pem"))], **wanted)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--tls", type=pathlib.Path, help="the folder of the certificates")
    parser.add_argument("--mutual", action="store_true", help="want a certificate of clients")
    args = parser.parse_args()
    address = args.listen

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=THREADS), options=[("grpc.so_reuseport", 0)])
    interop_pb2_grpc.add_InteropServicer_to_server(Interop(), server)
    if args.tls:
        port = server.add_secure_port(address, credentials(args.tls, args.mutual))
    else:
        port = server.add_insecure_port(address)
    server.start()
    if not address.startswith("unix:"):
        host = address.rsplit(":", 1)[0]
        address = f"{host}:{port}"
    print(f"listening on {address}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
