#!/usr/bin/env bash
# Peer:      grpc-js 1.14.7 on Node 20, as server and as client.
# Guess:     metadata is limited in bytes (`grpc.max_metadata_size`), so a few hundred small entries are nothing.
# Behaviour: Node's HTTP/2 refuses a block of more than 128 fields, whatever its size, and grpc-js has no option for it. That
#            goes for requests, response headers and trailers; gRPC's own fields and `date` count too. The call fails with
#            RESOURCE_EXHAUSTED and a text about bandwidth and memory, even where the handler has answered OK. The limit is
#            neither announced (it cannot be: SETTINGS knows bytes only) nor lifted by a larger `grpc.max_metadata_size`.
# Seen:      110 extra entries in a request OK, 130 code 8; 120 in response headers OK, 130 code 8; 126 in trailers OK,
#            127 code 8 "Bandwidth exhausted or memory limit exceeded"; grpcio 1.85.3 takes 200 in replies from the same server.
# Needs:     node 20, npm, python3 with venv.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
npm init -y >npm.log
npm install --silent @grpc/grpc-js@1.14.7 >npm.log
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3

# Answers every call with as many extra response headers and trailers as the request's metadata asks for.
cat >server.mjs <<'EOF'
import grpc from '@grpc/grpc-js';
const same = (bytes) => bytes;
const server = new grpc.Server({ 'grpc.max_metadata_size': 1 << 20 });
server.addService({
  ask: {
    path: '/Echo/Ask', requestStream: false, responseStream: false,
    requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
  },
}, {
  ask(call, reply) {
    const made = (key) => {
      const metadata = new grpc.Metadata();
      for (let i = 0; i < Number(call.metadata.get(key)[0]); i++) metadata.set(`${key}-${i}`, 'x');
      return metadata;
    };
    call.sendMetadata(made('headers'));
    reply(null, Buffer.alloc(0), made('trailers'));
  },
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
EOF
cat >client.mjs <<'EOF'
import grpc from '@grpc/grpc-js';
const same = (bytes) => bytes;
const client = new grpc.Client(`127.0.0.1:${process.argv[2]}`, grpc.credentials.createInsecure(), { 'grpc.max_metadata_size': 1 << 20 });
const cases = [['request', 110], ['request', 130], ['headers', 120], ['headers', 130], ['trailers', 126], ['trailers', 127]];
for (const [where, count] of cases) {
  const metadata = new grpc.Metadata();
  metadata.set('headers', where === 'headers' ? String(count) : '0');
  metadata.set('trailers', where === 'trailers' ? String(count) : '0');
  if (where === 'request') for (let i = 0; i < count; i++) metadata.set(`request-${i}`, 'x');
  const said = await new Promise((done) => client.makeUnaryRequest('/Echo/Ask', same, same, Buffer.alloc(0), metadata,
    { deadline: Date.now() + 10_000 }, (error) => done(error ? `${grpc.status[error.code]} ${error.details}` : 'OK')));
  console.log(`grpc-js client, ${count} in ${where}: ${said}`);
}
process.exit(0);
EOF
cat >client.py <<'EOF'
import sys

import grpc

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}", options=[("grpc.max_metadata_size", 1 << 20)])
ask = channel.unary_unary("/Echo/Ask")
for where, count in [("headers", 200), ("trailers", 200), ("request", 200)]:
    metadata = [("headers", "200" if where == "headers" else "0"), ("trailers", "200" if where == "trailers" else "0")]
    if where == "request":
        metadata += [(f"request-{i}", "x") for i in range(count)]
    try:
        ask(b"", metadata=metadata, timeout=10)
        said = "OK"
    except grpc.RpcError as error:
        said = error.code().name
    print(f"grpcio client, {count} in {where}: {said}")
EOF
node server.mjs >port &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
[ -s port ] || { echo 'the server did not start' >&2; exit 1; }
{ node client.mjs "$(cat port)"; python/bin/python client.py "$(cat port)"; } | tee seen

cat >expected <<'EOF'
grpc-js client, 110 in request: OK
grpc-js client, 130 in request: RESOURCE_EXHAUSTED Bandwidth exhausted or memory limit exceeded
grpc-js client, 120 in headers: OK
grpc-js client, 130 in headers: RESOURCE_EXHAUSTED Bandwidth exhausted or memory limit exceeded
grpc-js client, 126 in trailers: OK
grpc-js client, 127 in trailers: RESOURCE_EXHAUSTED Bandwidth exhausted or memory limit exceeded
grpcio client, 200 in headers: OK
grpcio client, 200 in trailers: OK
grpcio client, 200 in request: RESOURCE_EXHAUSTED
EOF
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
