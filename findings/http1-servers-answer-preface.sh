#!/usr/bin/env bash
# Peers:     nine HTTP/1.1 servers of Python (versions below), and the preface with which an HTTP/2 client begins (RFC 9113
#            section 3.4), as a gRPC client sends it to a wrong port.
# Guess:     a server that speaks HTTP/1.1 alone answers the method PRI and the version 2.0 with 400 or 505, so a client can
#            tell from the status line what it has met.
# Behaviour: uvicorn with h11 and waitress hand the preface to the application, which answers 200; http.server and werkzeug
#            send a page without a status line, since a version that they do not know counts as HTTP/0.9.
# Seen:      the table under `expected`.
# Needs:     python3 3.10 or newer with venv.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check waitress==3.0.2 gunicorn==27.0.1 uvicorn==0.54.0 h11==0.16.0 \
    httptools==0.9.0 aiohttp==3.14.5 werkzeug==3.1.9 cheroot==11.1.2 tornado==6.6.1

cat >app.py <<'EOF'
def wsgi(environ, start_response):
    start_response('200 OK', [('content-type', 'text/plain')])
    return [b'the application']


async def asgi(scope, receive, send):
    while scope['type'] == 'lifespan':
        message = await receive()
        await send({'type': message['type'] + '.complete'})
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': b'the application'})
EOF
cat >server.py <<'EOF'
import asyncio
import socket
import sys

from app import asgi, wsgi

kind = sys.argv[1]
with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
print(port, flush=True)

if kind == 'http.server':
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    ThreadingHTTPServer(('127.0.0.1', port), SimpleHTTPRequestHandler).serve_forever()
elif kind == 'werkzeug':
    from werkzeug.serving import run_simple
    run_simple('127.0.0.1', port, wsgi)
elif kind == 'waitress':
    import waitress
    waitress.serve(wsgi, host='127.0.0.1', port=port)
elif kind == 'gunicorn':
    from gunicorn.app.wsgiapp import run
    sys.argv = ['gunicorn', '--bind', f'127.0.0.1:{port}', 'app:wsgi']
    run()
elif kind == 'cheroot':
    from cheroot.wsgi import Server
    Server(('127.0.0.1', port), wsgi).start()
elif kind == 'tornado':
    from tornado.web import Application

    async def serve():
        Application().listen(port, '127.0.0.1')
        await asyncio.Event().wait()

    asyncio.run(serve())
elif kind == 'aiohttp':
    from aiohttp import web
    web.run_app(web.Application(), host='127.0.0.1', port=port, print=None)
else:
    import uvicorn
    uvicorn.run(asgi, host='127.0.0.1', port=port, http=kind.removeprefix('uvicorn/'))
EOF
cat >ask.py <<'EOF'
import socket
import subprocess
import sys
import time

kind = sys.argv[1]
server = subprocess.Popen([sys.executable, 'server.py', kind], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
try:
    port = int(server.stdout.readline())
    for _ in range(200):
        try:
            peer = socket.create_connection(('127.0.0.1', port), timeout=20)
            break
        except OSError:
            time.sleep(0.1)
    peer.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    answer = b''
    while b'\n' not in answer and (more := peer.recv(65536)):
        answer += more
    print(kind, answer.split(b'\n')[0].decode().strip(), sep=': ')
finally:
    server.kill()
EOF

cat >expected <<'EOF'
http.server: <!DOCTYPE HTML>
werkzeug: <!DOCTYPE HTML>
waitress: HTTP/1.0 200 OK
gunicorn: HTTP/1.1 400 Bad Request
cheroot: HTTP/1.1 505 HTTP Version Not Supported
tornado: HTTP/1.1 400 Bad Request
aiohttp: HTTP/1.0 400 Bad Request
uvicorn/h11: HTTP/1.1 200 OK
uvicorn/httptools: HTTP/1.1 400 Bad Request
EOF
while IFS=: read -r kind _; do python/bin/python ask.py "$kind"; done <expected | tee seen
diff expected seen || { echo 'not as described: the behaviour has changed' >&2; exit 1; }
