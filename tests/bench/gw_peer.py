"""The adapter by which a bench of gateways starts gw beside its peers.

GW_BIN names the program to measure. One worker in mode 1, two in mode 2; the access log is off, as for every peer.
"""
import json
import os

from peers import CERT, HTTP, KEY, TLS, UP, Peer, put, routes


class Gw(Peer):
    name = "gw"
    features = {"plain", "routes", "tls", "tls-full", "large", "reload", "validate", "idle", "static"}
    notes = {"reload": "follows its folder: the move of a file is the signal"}
    port = HTTP

    def binary(self):
        return os.environ["GW_BIN"]

    def installed(self):
        return os.path.exists(os.environ.get("GW_BIN", ""))

    def write(self, spec, folder):
        manifests = f"{folder}/gateway.d"
        os.makedirs(manifests, exist_ok=True)
        gateway = {
            "listeners": [{"name": "http", "address": f"127.0.0.1:{HTTP}"}],
            "status": {"address": "127.0.0.1:0"},
            "accessLog": {"enabled": False},
            "limits": {"bodyBytes": "1TiB"},
            "timeouts": {"idle": "10m"},
        }
        if spec.tls:
            tls = {"certificates": ["site"], "minVersion": "1.3", "resumption": spec.tickets}
            gateway["listeners"].append({"name": "https", "address": f"127.0.0.1:{TLS}", "tls": tls})
        documents = [
            document("Gateway", "edge", gateway),
            document("Backend", "up", {"http": {"targets": [{"url": f"http://{UP}"}]}}),
        ]
        plugins = [{"responseHeaders": {"set": {"x-version": str(spec.version)}}}]
        if spec.static:
            documents[1] = document("Backend", "up", {"folder": {"path": "static"}})
            link(manifests)
        if spec.tls:
            files = {"certificate": {"file": CERT}, "key": {"file": KEY}}
            documents.append(document("Certificate", "site", {"files": files}))
        if not spec.hosts:
            documents.append(route("all", [], "/", plugins))
        for number, (host, prefixes) in enumerate(routes(spec)):
            for prefix in prefixes:
                documents.append(route(f"r{number}{prefix.replace('/', '-').rstrip('-')}", [host], prefix, plugins))
        put(f"{manifests}/gateway.yaml", "---\n".join(documents))

    def argv(self, spec, folder):
        return [self.binary(), "run", f"{folder}/gateway.d", "--log-level", "warn", "--workers", str(spec.threads)]

    def reload(self, proc, spec, folder):
        pass

    def validate_argv(self, spec, folder):
        return [self.binary(), "validate", f"{folder}/gateway.d"]


def document(kind, name, spec):
    return json.dumps({"apiVersion": "gw/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}) + "\n"


def route(name, hosts, prefix, plugins):
    spec = {"match": [{"pathPrefix": prefix}], "public": True, "plugins": plugins, "backend": "up"}
    if hosts:
        spec["hosts"] = hosts
    return document("Route", name, spec)


def link(manifests):
    """The folder backend reads a folder beside the manifest; the bench's files stand elsewhere."""
    import shutil

    from peers import STATIC

    if not os.path.exists(f"{manifests}/static"):
        shutil.copytree(STATIC, f"{manifests}/static")


PEERS = [Gw()]
