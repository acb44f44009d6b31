"""The Python client of the matrix: checks a server of interop/proto/interop.proto with stock grpcio.

usage: client.py --target 127.0.0.1:PORT | [::1]:PORT | unix:/path [--tls FOLDER [--mutual]] CASE...

Prints `pass CASE` or `fail CASE: why` for each case as it ends.
"""

import argparse
import itertools
import pathlib
import queue
import sys
import time

import grpc
from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

import interop_pb2
import interop_pb2_grpc
from interop_pb2 import CountRequest, Failure, Key, Number, Payload, Size, Violation, WatchRequest

# For a call that should take no time at all.
PLENTY = 20
MIB = 1024 * 1024
METADATA = (
    ("x-echo", "one"),
    ("x-echo-bin", bytes(range(256))),
    ("x-echo", "two, with a comma"),
    ("x-echo-bin", b""),
    ("x-echo-bin", b"\xff"),
    ("x-echo", "three"),
)
UNICODE = "Grüße, 世界 🌍: 100 % \t\n\\ \x7f done"

CASES = {}
keys = itertools.count()


def case(function):
    CASES[function.__name__] = function
    return function


def expect(actual, expected):
    if actual != expected:
        raise AssertionError(f"got {shown(actual)}, expected {shown(expected)}")


def shown(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def expect_failure(call, code, message=None):
    """Makes the call, which must fail with this code, and gives back the error."""
    try:
        answer = call()
    except grpc.RpcError as error:
        if error.code() != code:
            raise AssertionError(f"got {error.code()} {error.details()!r}, expected {code}") from None
        if message is not None:
            expect(error.details(), message)
        return error
    raise AssertionError(f"got {shown(answer)}, expected {code}")


def new_key():
    return f"python-{next(keys)}"


class Requests:
    """A request stream that is written by hand."""

    def __init__(self):
        self._queue = queue.Queue()

    def send(self, message):
        self._queue.put(message)

    def finish(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


@case
def unary(stub):
    payload = Payload(text="Grüße", body=b"\0\1\2")
    expect(stub.Echo(payload, timeout=PLENTY), payload)


@case
def server_streaming(stub):
    numbers = stub.Count(CountRequest(count=1000), timeout=PLENTY)
    expect([number.value for number in numbers], list(range(1000)))


@case
def client_streaming(stub):
    numbers = (Number(value=value) for value in range(-10, 1000))
    expect(stub.Sum(numbers, timeout=PLENTY).value, sum(range(-10, 1000)))


@case
def bidi_streaming(stub):
    requests = Requests()
    replies = stub.Chat(iter(requests), timeout=PLENTY)
    for text in ["one", "two", "three"]:
        requests.send(Payload(text=text))
        expect(next(replies).text, text)
    requests.finish()
    expect(list(replies), [])
    expect(replies.code(), grpc.StatusCode.OK)


@case
def metadata_unary(stub):
    _, call = stub.Echo.with_call(Payload(), metadata=METADATA, timeout=PLENTY)
    expect_metadata(call)


@case
def metadata_streaming(stub):
    requests = Requests()
    call = stub.Chat(iter(requests), metadata=METADATA, timeout=PLENTY)
    requests.send(Payload(text="one"))
    expect(next(call).text, "one")
    requests.finish()
    expect(list(call), [])
    expect_metadata(call)


@case
def metadata_of_failure(stub):
    failure = Failure(code=9, message="not now")
    call = lambda: stub.Fail(failure, metadata=METADATA, timeout=PLENTY)
    error = expect_failure(call, grpc.StatusCode.FAILED_PRECONDITION, "not now")
    expect_values(error.trailing_metadata(), "x-trail")


def expect_metadata(call):
    expect_values(call.initial_metadata(), "x-echo")
    expect_values(call.trailing_metadata(), "x-trail")


def expect_values(metadata, key):
    for suffix in ["", "-bin"]:
        values = [value for name, value in metadata if name == f"{key}{suffix}"]
        expect(values, [value for name, value in METADATA if name == f"x-echo{suffix}"])


@case
def status_codes(stub):
    for code in grpc.StatusCode:
        if code is not grpc.StatusCode.OK:
            failure = Failure(code=code.value[0], message=code.name)
            expect_failure(lambda: stub.Fail(failure, timeout=PLENTY), code, code.name)


@case
def status_details(stub):
    violations = [Violation(field="name", why="is empty"), Violation(field="größe", why="")]
    failure = Failure(code=3, message="bad request", violations=violations)
    call = lambda: stub.Fail(failure, timeout=PLENTY)
    error = expect_failure(call, grpc.StatusCode.INVALID_ARGUMENT, "bad request")
    expected = status_pb2.Status(code=3, message="bad request")
    for violation in violations:
        detail = any_pb2.Any()
        detail.Pack(violation)
        expected.details.append(detail)
    expect(rpc_status.from_call(error), expected)


@case
def status_unicode(stub):
    expect_failure(lambda: stub.Fail(Failure(code=5, message=UNICODE), timeout=PLENTY), grpc.StatusCode.NOT_FOUND, UNICODE)


@case
def outer_spaces(stub):
    # The C core sends them as they are; a receiver may strip them (PROTOCOL-HTTP2).
    _, call = stub.Echo.with_call(Payload(), metadata=(("x-echo", " padded "),), timeout=PLENTY)
    for metadata, key in ((call.initial_metadata(), "x-echo"), (call.trailing_metadata(), "x-trail")):
        expect([value.strip() for name, value in metadata if name == key], ["padded"])
    failure = Failure(code=5, message=" cannot open: ")
    error = expect_failure(lambda: stub.Fail(failure, timeout=PLENTY), grpc.StatusCode.NOT_FOUND)
    expect(error.details().strip(), "cannot open:")


@case
def status_without_message(stub):
    expect_failure(lambda: stub.Fail(Failure(code=5), timeout=PLENTY), grpc.StatusCode.NOT_FOUND, "")


@case
def deadline_unary(stub):
    started = time.monotonic()
    expect_failure(lambda: stub.Hold(Key(key=new_key()), timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
    took = time.monotonic() - started
    if not 0.19 <= took < 5:
        raise AssertionError(f"a deadline of 200 ms ended the call after {took:.3f} s")


@case
def deadline_streaming(stub):
    numbers = stub.HoldStream(Key(key=new_key()), timeout=0.5)
    expect(next(numbers).value, 1)
    expect_failure(lambda: next(numbers), grpc.StatusCode.DEADLINE_EXCEEDED)


@case
def deadline_reaches_server(stub):
    key = new_key()
    call = stub.Hold.future(Key(key=key), timeout=60)
    seen = watch(stub, key, interop_pb2.STAGE_STARTED)
    call.cancel()
    # A client may round the timeout up to what eight digits can hold.
    if not (seen.has_deadline and 30_000 < seen.time_left_millis <= 61_000):
        raise AssertionError(f"of a deadline of 60 s the server saw {seen}")


@case
def deadline_ends_handler(stub):
    key = new_key()
    expect_failure(lambda: stub.Hold(Key(key=key), timeout=0.3), grpc.StatusCode.DEADLINE_EXCEEDED)
    expect(watch(stub, key, interop_pb2.STAGE_CANCELLED).has_deadline, True)


@case
def no_deadline(stub):
    key = new_key()
    call = stub.Hold.future(Key(key=key))
    seen = watch(stub, key, interop_pb2.STAGE_STARTED)
    call.cancel()
    expect(seen, interop_pb2.Seen())


@case
def cancel_unary(stub):
    key = new_key()
    call = stub.Hold.future(Key(key=key))
    watch(stub, key, interop_pb2.STAGE_STARTED)
    call.cancel()
    expect(call.code(), grpc.StatusCode.CANCELLED)
    watch(stub, key, interop_pb2.STAGE_CANCELLED)


@case
def cancel_streaming(stub):
    key = new_key()
    numbers = stub.HoldStream(Key(key=key))
    expect(next(numbers).value, 1)
    watch(stub, key, interop_pb2.STAGE_STARTED)
    numbers.cancel()
    expect(numbers.code(), grpc.StatusCode.CANCELLED)
    watch(stub, key, interop_pb2.STAGE_CANCELLED)


def watch(stub, key, stage):
    return stub.Watch(WatchRequest(key=key, stage=stage), timeout=PLENTY)


@case
def server_aborts_midway(stub):
    numbers = stub.Count(CountRequest(count=3, failure=Failure(code=10, message="enough")), timeout=PLENTY)
    expect([next(numbers).value for _ in range(3)], [0, 1, 2])
    expect_failure(lambda: next(numbers), grpc.StatusCode.ABORTED, "enough")


@case
def server_ends_early(stub):
    requests = Requests()
    replies = stub.Chat(iter(requests), timeout=PLENTY)
    requests.send(Payload(text="one"))
    expect(next(replies).text, "one")
    requests.send(Payload(text="bye"))
    expect(list(replies), [])
    expect(replies.code(), grpc.StatusCode.OK)
    requests.finish()


@case
def big_unary(stub):
    payload = Payload(body=bytes(range(256)) * (MIB // 256))
    expect(stub.Echo(payload, timeout=PLENTY) == payload, True)


@case
def big_streaming(stub):
    payloads = [Payload(text=str(number), body=bytes([number]) * MIB) for number in range(8)]
    replies = stub.Chat(iter(payloads), timeout=PLENTY)
    for payload in payloads:
        expect(next(replies) == payload, True)
    expect(list(replies), [])


@case
def request_too_large(stub):
    payload = Payload(body=bytes(5 * MIB))
    expect_failure(lambda: stub.Echo(payload, timeout=PLENTY), grpc.StatusCode.RESOURCE_EXHAUSTED)
    unary(stub)


@case
def reply_too_large(stub):
    size = Size(bytes=5 * MIB)
    expect_failure(lambda: stub.Produce(size, timeout=PLENTY), grpc.StatusCode.RESOURCE_EXHAUSTED)
    unary(stub)


@case
def empty_messages(stub):
    expect(stub.Echo(Payload(), timeout=PLENTY), Payload())
    expect(list(stub.Chat(iter([Payload()] * 3), timeout=PLENTY)), [Payload()] * 3)


@case
def empty_streams(stub):
    expect(list(stub.Count(CountRequest(), timeout=PLENTY)), [])
    expect(stub.Sum(iter([]), timeout=PLENTY), Number())
    expect(list(stub.Chat(iter([]), timeout=PLENTY)), [])


@case
def unknown_method(stub):
    missing = stub.channel.unary_unary(
        "/halloo.interop.Interop/Missing",
        request_serializer=Payload.SerializeToString,
        response_deserializer=Payload.FromString,
    )
    expect_failure(lambda: missing(Payload(), timeout=PLENTY), grpc.StatusCode.UNIMPLEMENTED)


@case
def unknown_service(stub):
    nowhere = interop_pb2_grpc.NowhereStub(stub.channel)
    expect_failure(lambda: nowhere.Call(Payload(), timeout=PLENTY), grpc.StatusCode.UNIMPLEMENTED)


@case
def many_at_once(stub):
    calls = [stub.Echo.future(Payload(text=str(number)), timeout=PLENTY) for number in range(100)]
    expect([call.result().text for call in calls], [str(number) for number in range(100)])


@case
def compressed_gzip(stub):
    compressed(stub, grpc.Compression.Gzip, "gzip")


@case
def compressed_deflate(stub):
    compressed(stub, grpc.Compression.Deflate, "deflate")


def compressed(stub, compression, name):
    options = {"compression": compression, "metadata": [("x-compress", name)], "timeout": PLENTY}
    large = Payload(text="it was the best of times", body=b"\7" * 100_000)
    for payload in [large, Payload(text="small"), Payload()]:
        expect(stub.Echo(payload, **options) == payload, True)
    payloads = [large, Payload(text="small"), large]
    expect(list(stub.Chat(iter(payloads), **options)) == payloads, True)


@case
def refused(stub):
    """A client without a certificate and a server that wants one."""
    expect_failure(lambda: stub.Echo(Payload(), timeout=PLENTY), grpc.StatusCode.UNAVAILABLE)


def run(stub, name):
    if name not in CASES:
        return f"fail {name}: the Python client has no such case"
    try:
        CASES[name](stub)
    except grpc.RpcError as error:
        return f"fail {name}: {error.code()}: {error.details()!r}"
    except Exception as error:  # whatever went wrong, the next case shall run
        return f"fail {name}: {error!r}"
    return f"pass {name}"


def connect(args):
    if not args.tls:
        return grpc.insecure_channel(args.target)
    read = lambda name: (args.tls / name).read_bytes()
    shown = {}
    if args.mutual:
        shown = {"private_key": read("client.key"), "certificate_chain": read("client.pem")}
    return grpc.secure_channel(args.target, grpc.ssl_channel_credentials(read("ca.pem"), **shown))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--tls", type=pathlib.Path, help="the folder of the certificates")
    parser.add_argument("--mutual", action="store_true", help="show a certificate")
    parser.add_argument("case", nargs="*", default=list(CASES))
    args = parser.parse_args()
    lines = []
    with connect(args) as channel:
        stub = interop_pb2_grpc.InteropStub(channel)
        stub.channel = channel
        for name in args.case:
            lines.append(run(stub, name).replace("\n", " "))
            print(lines[-1], flush=True)
    return any(line.startswith("fail") for line in lines)


if __name__ == "__main__":
    sys.exit(main())
