#!/usr/bin/env python3
"""A long run at a steady rate while certificates change, targets come and go, and upstream servers are killed.

    soak.py --gw target/release/gw --seconds 3600

Needs nginx, h2load (nghttp2-client) and openssl; Python's standard library otherwise. Every few seconds one thing changes: the
certificate is renewed, the targets of the backend change, or an upstream server is killed; it comes back two seconds later, and is healthy again
before the next change: two are never down at once. Requests come over HTTP/1.1 and over HTTP/2 with TLS at a constant rate all
along. Printed at the end: what was answered, the causes of errors by the access log, and memory, open files and threads of the
gateway, early and late. It ends by itself, with 1 if more was lost or more is held than the bounds below say.
"""
import argparse
import collections
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

SERVERS = 3
CHANGE_EVERY = 6.0
DOWN_FOR = 2.0
SAMPLE_EVERY = 10.0
MEMORY_BOUND = 4096   # more KiB than at the end of the first tenth: the allocator keeps pages that were used once
FILES_BOUND = 8       # more open files than before the load, once the connections that were kept have expired
EXPIRY = 75.0         # seconds for that


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """An nginx that answers everything with a kilobyte."""

    def __init__(self, folder, index):
        self.port, self.folder = free_port(), f"{folder}/server{index}"
        os.makedirs(self.folder)
        body = "x" * 1023
        with open(f"{self.folder}/nginx.conf", "w") as f:
            f.write(
                f"daemon off; master_process off; pid {self.folder}/pid; error_log /dev/null;\n"
                "events { worker_connections 4096; }\n"
                f"http {{ access_log off; keepalive_requests 1000000; server {{ listen 127.0.0.1:{self.port};\n"
                f"location / {{ return 200 \"{body}\\n\"; }} }} }}\n"
            )
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["nginx", "-c", f"{self.folder}/nginx.conf", "-e", "/dev/null"])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def put(path, text):
    """As careful programs do: beside it, then renamed."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def certificate(folder):
    made = f"{folder}/made"
    os.makedirs(made, exist_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{made}/key.pem", "-out", f"{made}/cert.pem"],
        check=True, capture_output=True)
    # one file for both: there is no moment in which they do not belong together
    both = open(f"{made}/cert.pem").read() + open(f"{made}/key.pem").read()
    put(f"{folder}/both.pem", both)


def manifests(folder, ports, http, https, status):
    targets = ", ".join(f'{{ url: "http://127.0.0.1:{port}", weight: {random.randint(1, 3)} }}' for port in ports)
    put(f"{folder}/gateway.d/gateway.yaml", f"""apiVersion: gw/v1
kind: Gateway
metadata: {{ name: edge }}
spec:
  listeners:
    - {{ name: http, address: "127.0.0.1:{http}" }}
    - {{ name: https, address: "127.0.0.1:{https}", tls: {{ certificates: [site] }} }}
  status: {{ address: "127.0.0.1:{status}" }}
  accessLog: {{ format: json }}
---
apiVersion: gw/v1
kind: Certificate
metadata: {{ name: site }}
spec: {{ files: {{ certificate: {{ file: {folder}/both.pem }}, key: {{ file: {folder}/both.pem }} }} }}
---
apiVersion: gw/v1
kind: Backend
metadata: {{ name: up }}
spec:
  http:
    targets: [{targets}]
    healthCheck: {{ path: /, interval: 1s }}
    outlierDetection: {{ consecutiveErrors: 3, ejectFor: 2s }}
---
apiVersion: gw/v1
kind: Route
metadata: {{ name: all }}
spec:
  public: true
  retries: {{ attempts: 2, on: [connectFailure, reset] }}
  backend: up
""")


class Errors(threading.Thread):
    """Counts the errors of the access log by cause and status, and keeps the first lines of each."""

    def __init__(self, lines, path):
        super().__init__(daemon=True)
        self.lines, self.path, self.counts = lines, path, collections.Counter()
        self.start()

    def run(self):
        with open(self.path, "wb") as kept:
            for line in self.lines:
                found = re.search(rb'"status":(\d+).*"error":"([^"]+)"', line)
                if not found:
                    continue
                cause = f"{found[2].decode()} ({found[1].decode()})"
                self.counts[cause] += 1
                if self.counts[cause] <= 100:
                    kept.write(line)
                    kept.flush()


def held(pid):
    status = open(f"/proc/{pid}/status").read()
    number = lambda key: int(re.search(rf"^{key}:\s+(\d+)", status, re.M)[1])
    return {"KiB": number("RssAnon"), "files": len(os.listdir(f"/proc/{pid}/fd")), "threads": number("Threads")}


def load(url, seconds, rate, arguments):
    clients = 20
    return subprocess.Popen(
        ["h2load", *arguments, "-t1", f"-c{clients}", "-D", str(seconds), f"--rps={rate / clients}", url],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def counted(text):
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    requests = re.search(r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", text)
    return {"2xx": int(statuses[1]), "5xx": int(statuses[4]), "failed": int(requests[4])}


def soak(gw, seconds, rate, folder):
    servers = [Server(folder, i) for i in range(SERVERS)]
    os.makedirs(f"{folder}/gateway.d")
    certificate(folder)
    http, https, status = free_port(), free_port(), free_port()
    everybody = [server.port for server in servers]
    manifests(folder, everybody, http, https, status)
    log = open(f"{folder}/log", "w")
    gateway = subprocess.Popen([gw, "run", f"{folder}/gateway.d", "--log-level", "warn"], stdout=subprocess.PIPE, stderr=log)
    errors = Errors(gateway.stdout, f"{folder}/errors")
    changes, samples, down, loads = {"certificate": 0, "targets": 0, "killed": 0}, [], None, []
    try:
        wait_for(http)
        time.sleep(2)
        samples.append(held(gateway.pid))
        loads = [load(f"http://127.0.0.1:{http}/", seconds, rate / 2, ["--h1"]),
                 load(f"https://127.0.0.1:{https}/", seconds, rate / 2, ["-m4"])]
        began = time.time()
        changed = sampled = began
        while any(process.poll() is None for process in loads) and gateway.poll() is None:
            time.sleep(0.2)
            now = time.time()
            if now - sampled >= SAMPLE_EVERY:
                sampled = now
                samples.append(held(gateway.pid))
            if down and now - changed >= DOWN_FOR:
                down.start()
                down = None
            if now - changed < CHANGE_EVERY:
                continue
            changed = now
            what = random.choice(list(changes))
            changes[what] += 1
            if what == "certificate":
                certificate(folder)
            elif what == "targets":
                manifests(folder, random.sample(everybody, random.randint(2, SERVERS)), http, https, status)
            else:
                down = random.choice(servers)
                down.kill()
        outputs = [process.communicate()[0] for process in loads]
        time.sleep(EXPIRY)
        return outputs, changes, errors.counts, samples, held(gateway.pid), gateway.poll()
    finally:
        for process in [gateway, *loads, *(server.process for server in servers)]:
            if process.poll() is None:
                process.terminate()
                process.wait()


def wait_for(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the gateway does not listen")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gw", default="target/release/gw")
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--rate", type=int, default=2000, help="requests a second, half of them over HTTP/2 and TLS")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="gw-soak-")
    outputs, changes, errors, samples, after, ended = soak(arguments.gw, arguments.seconds, arguments.rate, folder)
    answers = [counted(output) for output in outputs]
    before, early, late = samples[0], samples[len(samples) // 10], samples[-1]
    print(f"changes: {changes}")
    for name, answer in zip(("HTTP/1.1", "HTTP/2 over TLS"), answers):
        print(f"{name}: {answer}")
    print(f"causes of errors: {dict(errors)}")
    tenths = [samples[len(samples) * i // 10]["KiB"] for i in range(10)]
    print(f"KiB held at the end of each tenth: {[*tenths[1:], late['KiB']]}")
    print(f"held before the load: {before}\nheld early: {early}\nheld late: {late}\nheld once connections have expired: {after}")
    sound = ended is None and all(answer["failed"] == 0 for answer in answers)
    sound &= late["KiB"] <= early["KiB"] + MEMORY_BOUND and after["files"] <= before["files"] + FILES_BOUND
    sound &= late["threads"] <= early["threads"]
    print("sound" if sound else f"NOT sound: see {folder}/log")
    if sound:
        shutil.rmtree(folder)
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
