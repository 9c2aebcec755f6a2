# SPDX-License-Identifier: Apache-2.0
"""A small web server: server.py PORT. Answers /health, and everything else with its pid; reads GREETING on SIGHUP."""
import http.server
import os
import signal
import sys
import time

greeting = "hello"


def read_greeting(*_):
    global greeting
    try:
        with open("greeting.txt", encoding="utf-8") as text:
            greeting = text.read().strip()
    except OSError:
        pass
    print("greeting:", greeting, flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = "well" if self.path == "/health" else f"{greeting} from {os.getpid()}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode() + b"\n")

    def log_message(self, *args):
        print(self.path, flush=True)


signal.signal(signal.SIGHUP, read_greeting)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
read_greeting()
time.sleep(0.2)  # it takes a while to come up, as they do
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
