"""The server of gRPC's negative HTTP/2 cases: it does what the case's name says, within the rules of HTTP/2.

    http2_server.py --port=N --test_case=CASE

Port 0 is any that is free. Prints `listening on HOST:PORT`; after SIGTERM, when its clients have gone, prints `pass` or
`fail: WHY` for its own part of the case: what a client does on the wire and its program cannot see.
"""

import argparse
import asyncio
import signal
import struct
import sys

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

import testing_pb2

# Clients that are still there after SIGTERM get so long, in seconds.
PATIENCE = 10

# What the frames of the padding cases carry, and their padding, in bytes.
SMALL_FRAME = 5
PADDING = 255

NO_ERROR = 0


class Case:
    """What a case does to a response, and what the server has seen at the end of it."""

    # The most that a DATA frame carries, and its padding.
    frame_bytes = 16384
    padding = None

    def __init__(self):
        self.connections = []
        self.faults = []

    def connected(self, connection):
        self.connections.append(connection)

    def requested(self, connection, stream):
        """A whole request is here, and nothing of its response has been sent."""

    def beside_frame(self, connection):
        """Before the head and before and after each frame of the response's body."""

    def sent(self, connection, stream, body_bytes):
        """The head and so many bytes of the body have been sent. Whether the rest of the response follows."""
        return True

    def verdict(self):
        if not any(connection.requests for connection in self.connections):
            self.faults.append("there was no call")
        return self.faults


class Goaway(Case):
    def requested(self, connection, stream):
        frame = hyperframe.frame.GoAwayFrame(0, last_stream_id=stream, error_code=NO_ERROR)
        if connection.requests == 1:
            connection.write_frame(frame)

    def verdict(self):
        requests = [connection.requests for connection in self.connections]
        if requests != [1, 1]:
            self.faults.append(f"the connections had {requests} calls, wanted are two with one each")
        return super().verdict()


class Reset(Case):
    """Ends the stream, with an error code that says that all is well, at a part of the body."""

    def __init__(self, part):
        super().__init__()
        self.part = part
        self.resets = 0

    def sent(self, connection, stream, body_bytes):
        if body_bytes < connection.body_bytes(stream) * self.part:
            return True
        connection.http2.reset_stream(stream, error_code=NO_ERROR)
        self.resets += 1
        return False

    def verdict(self):
        if not self.resets:
            self.faults.append("no stream was reset")
        return super().verdict()


class Ping(Case):
    def beside_frame(self, connection):
        connection.http2.ping(struct.pack(">Q", connection.pings))
        connection.pings += 1

    def verdict(self):
        for connection in self.connections:
            if connection.acknowledged != list(range(connection.pings)):
                missing = connection.pings - len(connection.acknowledged)
                self.faults.append(f"{missing} of {connection.pings} PINGs were not answered in order")
        return super().verdict()


class MaxStreams(Case):
    """Allows one stream at a time, once the client has acknowledged that; h2 looks that it keeps to it."""

    def connected(self, connection):
        super().connected(connection)
        connection.http2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})

    def verdict(self):
        requests = sum(connection.requests for connection in self.connections)
        if requests < 11:
            self.faults.append(f"there were {requests} calls, wanted are at least 11")
        return super().verdict()


class SmallFrames(Case):
    frame_bytes = SMALL_FRAME


class Padding(SmallFrames):
    padding = PADDING


CASES = {
    "goaway": Goaway,
    "rst_after_header": lambda: Reset(0),
    "rst_during_data": lambda: Reset(0.5),
    "rst_after_data": lambda: Reset(1),
    "ping": Ping,
    "max_streams": MaxStreams,
    "data_frame_padding": Padding,
    "no_df_padding_sanity_test": SmallFrames,
}


class Response:
    """A body on its way, as far as the client's windows let it."""

    def __init__(self, body):
        self.body = memoryview(body)
        self.sent = 0


class Connection(asyncio.Protocol):
    def __init__(self, case):
        self.case = case
        self.lost = asyncio.get_running_loop().create_future()
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.transport = None
        self.calls = {}
        self.responses = {}
        self.requests = 0
        self.pings = 0
        self.acknowledged = []

    def body_bytes(self, stream):
        return len(self.responses[stream].body)

    def write_frame(self, frame):
        """Writes a frame after which h2 itself would say no more on the connection."""
        self.flush()
        self.transport.write(frame.serialize())

    def flush(self):
        self.transport.write(self.http2.data_to_send())

    def connection_made(self, transport):
        self.transport = transport
        self.http2.initiate_connection()
        self.case.connected(self)
        self.flush()

    def connection_lost(self, error):
        self.lost.set_result(None)

    def data_received(self, data):
        try:
            for event in self.http2.receive_data(data):
                self.handle(event)
            for stream in list(self.responses):
                self.pump(stream)
            self.flush()
        except h2.exceptions.ProtocolError as error:
            self.case.faults.append(f"the client broke a rule: {error!r}")
            self.flush()
            self.transport.close()

    def handle(self, event):
        match event:
            case h2.events.RequestReceived():
                self.calls[event.stream_id] = bytearray()
            case h2.events.DataReceived():
                self.calls.setdefault(event.stream_id, bytearray()).extend(event.data)
                self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.respond(event.stream_id, self.calls.pop(event.stream_id))
            case h2.events.StreamReset():
                self.calls.pop(event.stream_id, None)
                self.responses.pop(event.stream_id, None)
            case h2.events.PingAckReceived():
                self.acknowledged.append(struct.unpack(">Q", event.ping_data)[0])

    def respond(self, stream, envelope):
        self.requests += 1
        request = testing_pb2.SimpleRequest.FromString(bytes(envelope[5:]))
        self.case.requested(self, stream)
        payload = testing_pb2.Payload(body=bytes(request.response_size))
        message = testing_pb2.SimpleResponse(payload=payload).SerializeToString()
        self.responses[stream] = Response(struct.pack(">BI", 0, len(message)) + message)
        self.case.beside_frame(self)
        self.http2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc+proto")])
        if not self.case.sent(self, stream, 0):
            del self.responses[stream]

    def pump(self, stream):
        """Sends of a response what the client has room for."""
        response = self.responses[stream]
        overhead = 0 if self.case.padding is None else self.case.padding + 1
        while response.sent < len(response.body):
            room = min(self.http2.local_flow_control_window(stream), self.http2.max_outbound_frame_size) - overhead
            chunk = response.body[response.sent : response.sent + min(room, self.case.frame_bytes)]
            if room <= 0 or len(chunk) < min(self.case.frame_bytes, len(response.body) - response.sent, SMALL_FRAME):
                return
            self.case.beside_frame(self)
            self.http2.send_data(stream, chunk.tobytes(), pad_length=self.case.padding)
            self.case.beside_frame(self)
            response.sent += len(chunk)
            if not self.case.sent(self, stream, response.sent):
                del self.responses[stream]
                return
        self.http2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        del self.responses[stream]


async def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--port", type=int, default=8080)
    flags.add_argument("--test_case", choices=CASES, default="goaway")
    flags = flags.parse_args()
    case = CASES[flags.test_case]()
    loop = asyncio.get_running_loop()
    asked_to_end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, asked_to_end.set)
    server = await loop.create_server(lambda: Connection(case), "127.0.0.1", flags.port)
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await asked_to_end.wait()
    await asyncio.wait_for(asyncio.gather(*(connection.lost for connection in case.connections)), PATIENCE)
    faults = case.verdict()
    print("fail: " + "; ".join(faults) if faults else "pass", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
