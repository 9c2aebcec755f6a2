# SPDX-License-Identifier: Apache-2.0
"""Keeps records, and serves them over HTTP.

POST /records   JSON lines, each with an "id"; answers 200 when all of them are on disk
GET  /records   all records as JSON lines
GET  /count     how many there are

A record that is there already is not kept again. The file may end in half a line when the process was killed while
writing; that half was never acknowledged, so it is cut off at the start.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Store:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a+b")
        self.file.seek(0)
        data = self.file.read()
        whole = data.rfind(b"\n") + 1
        self.file.truncate(whole)
        self.ids = {json.loads(line)["id"] for line in data[:whole].splitlines()}

    def add(self, lines):
        with self.lock:
            new = {}
            for line in lines:
                record = json.loads(line)
                if record["id"] not in self.ids:
                    new[record["id"]] = json.dumps(record, sort_keys=True).encode() + b"\n"
            try:
                self.file.write(b"".join(new.values()))
                self.file.flush()
                os.fsync(self.file.fileno())
            except OSError as problem:
                print(f"cannot write: {problem.strerror}", flush=True)
                os._exit(1)  # what is half written is cut off at the next start
            self.ids.update(new)
            return len(new)

    def read(self):
        with self.lock, open(self.file.name, "rb") as file:
            return file.read()


class Handler(BaseHTTPRequestHandler):
    timeout = 10

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/records":
            self.answer(200, self.server.store.read())
        elif self.path == "/count":
            self.answer(200, b"%d\n" % len(self.server.store.ids))
        else:
            self.answer(404, b"GET /records, GET /count, POST /records\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            lines = body.splitlines()
            new = self.server.store.add(lines)
        except (ValueError, KeyError, TypeError) as problem:
            self.answer(400, b"not records: %s\n" % str(problem).encode())
            return
        self.answer(200, b"%d new, %d known" % (new, len(lines) - new))

    def log_message(self, *_):
        pass


def main():
    port = int(os.environ["ETL_PORT"])
    store = Store(os.path.join(os.environ["ETL_DATA"], "records.jsonl"))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as problem:
        sys.exit(f"cannot listen on 127.0.0.1:{port}: {problem.strerror}; set ETL_PORT to another port")
    server.store = store
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"serving {len(store.ids)} records on http://127.0.0.1:{port}, pid {os.getpid()}", flush=True)
    server.serve_forever()


main()
