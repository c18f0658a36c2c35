#!/usr/bin/env python3
"""How long `gw validate` takes for many routes, beside `nginx -t` and `haproxy -c` on the same routes, with peak memory.

usage: GW_BIN=target/release/gw tests/bench/compile.py [ROUTES…]        (10000 100000 if none is given)
Peers that are not installed are left out. Python's standard library only; figures are the best of five runs.
"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

FILES = 100
PREFIXES = 10


def gateway(folder, hosts):
    manifests = os.path.join(folder, "gateway.d")
    os.makedirs(manifests)
    backend = "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: up }\nspec: { http: { targets: [{ url: \"http://127.0.0.1:3000\" }] } }\n"
    per_file = -(-len(hosts) // FILES)
    for number in range(FILES):
        documents = [backend] if number == 0 else []
        for index in range(number * per_file, min((number + 1) * per_file, len(hosts))):
            for prefix in range(PREFIXES):
                documents.append(
                    f"apiVersion: gw/v1\nkind: Route\nmetadata: {{ name: r{index}-{prefix} }}\nspec:\n  hosts: [{hosts[index]}]\n"
                    f"  match:\n    - pathPrefix: /p{prefix}/\n      methods: [GET, POST]\n  public: true\n"
                    f"  plugins:\n    - requestHeaders: {{ set: {{ x-tenant: t{index} }} }}\n  backend: up\n")
        with open(os.path.join(manifests, f"{number:03}.yaml"), "w") as file:
            file.write("---\n".join(documents))
    return [os.environ.get("GW_BIN", "target/release/gw"), "validate", manifests]


def nginx(folder, hosts):
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as file:
        file.write(f"pid {folder}/nginx.pid; error_log stderr crit; events {{}}\nhttp {{ access_log off; server_names_hash_max_size 1048576;\n")
        file.write("upstream up { server 127.0.0.1:3000; }\n")
        for index, host in enumerate(hosts):
            file.write(f"server {{ listen 127.0.0.1:18000; server_name {host};")
            for prefix in range(PREFIXES):
                file.write(f" location /p{prefix}/ {{ proxy_set_header x-tenant t{index}; proxy_pass http://up; }}")
            file.write(" }\n")
        file.write("}\n")
    return ["nginx", "-t", "-q", "-c", path, "-e", "stderr"]


def haproxy(folder, hosts):
    path, routes = os.path.join(folder, "haproxy.cfg"), os.path.join(folder, "routes.map")
    with open(routes, "w") as file:
        file.writelines(f"{host}/p{prefix}/ up\n" for host in hosts for prefix in range(PREFIXES))
    with open(path, "w") as file:
        file.write("defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nfrontend f\n  bind 127.0.0.1:18000\n"
                   f"  use_backend %[base,map_beg({routes},nf)]\nbackend up\n  server u 127.0.0.1:3000\nbackend nf\n  http-request deny deny_status 404\n")
    return ["haproxy", "-c", "-q", "-f", path]


def measure(argv):
    best, peak = float("inf"), 0
    for _ in range(5):
        began = time.monotonic()
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        best, peak = min(best, time.monotonic() - began), max(peak, usage.ru_maxrss)
        if status != 0:
            return None
    return best, peak / 1024


def main():
    for count in [int(argument) for argument in sys.argv[1:]] or [10_000, 100_000]:
        hosts = [f"h{index:06}.bench.test" for index in range(count // PREFIXES)]
        for name, write in (("gw", gateway), ("nginx", nginx), ("haproxy (a map, not config)", haproxy)):
            with tempfile.TemporaryDirectory() as folder:
                argv = write(folder, hosts)
                if shutil.which(argv[0]) is None:
                    continue
                figures = measure(argv)
                shown = "failed" if figures is None else f"{figures[0]:7.3f} s  {figures[1]:6.0f} MiB"
                print(f"{count:7} routes  {name:28} {shown}", flush=True)


if __name__ == "__main__":
    main()
