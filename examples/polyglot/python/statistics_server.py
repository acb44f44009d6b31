"""The Statistics service in Python, as grpcio's tutorial has servers.

usage: statistics_server.py [ADDRESS]
"""

import signal
import statistics
import sys
from concurrent import futures

import grpc

import statistics_pb2
import statistics_pb2_grpc


class Statistics(statistics_pb2_grpc.StatisticsServicer):
    def Describe(self, request, context):
        if len(request.values) < 2:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "at least two numbers are needed")
        print(f"📩 Received {len(request.values)} numbers", flush=True)
        return statistics_pb2.Description(
            mean=statistics.fmean(request.values),
            median=statistics.median(request.values),
            deviation=statistics.stdev(request.values),
        )


def serve(address):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    statistics_pb2_grpc.add_StatisticsServicer_to_server(Statistics(), server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"🟢 Server started on port {port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=5))
    server.wait_for_termination()


if __name__ == "__main__":
    serve(sys.argv[1] if len(sys.argv) > 1 else "[::]:50064")
