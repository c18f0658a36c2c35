"""Writes src/start.ld: the functions that a gateway runs when it starts and answers, for the linker to keep together.

    cargo build --release && python3 tests/bench/start_order.py [target/release/gw]

The kernel maps sixteen pages of a program around each one that is touched. What a start touches is a tenth of the program and is
spread over all of it, so an idle gateway would hold most of its text. Kept together it holds what it runs. A list that is old is
never wrong: what it does not name stays where it was. Needs valgrind.
"""
import bisect
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
# Each with what is asked of it: content that needs no server, and a server (which is not there).
GATEWAYS = [
    (ROOT / "gateway.d", "http://127.0.0.1:8080", ["/", "/nothing", "/orders/7"]),
    (ROOT / "examples/kubernetes/gateway.d", "http://127.0.0.1:8080", ["/hello"]),
]
# Where valgrind puts a program. It knows one section of text by its own addresses, and the other one not at all.
BASE = 0x108000
# A module goes in whole if this share of it runs, and a function that was made for many types is left out below this one.
DENSE = 0.8
SPARSE = 0.05

HEAD = """/* What a gateway runs when it starts, kept together so that an idle one holds few pages: made by tests/bench/start_order.py. */
SECTIONS
{
  .text.start :
  {
"""
TAIL = """  }
}
INSERT BEFORE .text;
"""


def main():
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/gw").resolve()
    symbols = symbols_of(program)
    run = set().union(*(executed(symbols, addresses(program, *gateway)) for gateway in GATEWAYS))
    lines = patterns(symbols, run)
    body = "".join(f"    *(.text{line})\n" for line in lines)
    (ROOT / "src/start.ld").write_text(HEAD + body + TAIL)
    print(f"{len(run)} of {len(symbols)} functions run, {len(lines)} patterns")


def symbols_of(program):
    """(address, bytes, mangled name) of every function, by address."""
    listing = subprocess.run(["nm", "-S", "--defined-only", program], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [tTwW] (\S+)$", listing, re.M)
    return sorted((int(at, 16), int(size, 16), name) for at, size, name in found)


def addresses(program, manifests, address, paths):
    """The addresses of all instructions that run from the start of a gateway through a few requests to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind.out"
        command = ["valgrind", "--tool=callgrind", "--dump-instr=yes", f"--callgrind-out-file={out}"]
        process = subprocess.Popen([*command, program, "run", manifests], stderr=subprocess.DEVNULL)
        try:
            for path in paths:
                ask(address + path)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        return set(instructions(open(out), program.name))


def ask(url):
    """Asks until there is an answer, whatever it is."""
    for _ in range(300):
        try:
            return urllib.request.urlopen(url).read()
        except urllib.error.HTTPError:
            return None
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"no answer from {url}")


def instructions(lines, program):
    """The addresses in a callgrind file that are of the program itself; numbers are written as steps from the last one."""
    objects, here, base, at = {}, False, 0, 0
    for line in lines:
        if found := re.match(r"(c?)ob=\((\d+)\)(?: (.*))?", line):
            called, number, name = found.groups()
            if name:
                objects[number] = name.strip()
            if not called:
                object = objects.get(number, "")
                here, base = object.endswith("/" + program) or object == "???", BASE if object == "???" else 0
        elif line[0] in "0+-*":
            word = line.split()[0]
            at = at + int(word, 0) if word[0] in "+-" else at if word == "*" else int(word, 16)
            if here:
                yield at - base


def executed(symbols, addresses):
    starts = [at for at, _, _ in symbols]
    run = set()
    for address in addresses:
        at, size, name = symbols[bisect.bisect_right(starts, address) - 1]
        if at <= address < at + size:
            run.add(name)
    return run


def parts(name):
    """The path of a Rust name, without its hash; one part of any other name."""
    if found := re.match(r"_RN?", name):
        return [re.sub(r"Cs\w+?_", "Cs*_", name)]
    if not (found := re.match(r"_ZN(.*)17h[0-9a-f]{16}E", name)):
        return [name]
    rest, path = found[1], []
    while rest:
        length = re.match(r"\d+", rest)[0]
        end = len(length) + int(length)
        path.append(rest[:end])
        rest = rest[end:]
    return path


def patterns(symbols, run):
    """What names the functions that run, the densest first: a whole module where most of it runs, else each function."""
    total, used = {}, {}
    for _, size, name in symbols:
        for key in prefixes(name):
            total[key] = total.get(key, 0) + size
            used[key] = used.get(key, 0) + size * (name in run)
    share = {key: used[key] / total[key] for key in total if used[key]}
    found = {}
    for name in sorted(run):
        *modules, function = prefixes(name)
        key = next((module for module in modules if share.get(module, 0) >= DENSE), function)
        if share.get(key, 0) >= SPARSE:
            found[pattern(name, key, key is function)] = share[key]
    return sorted(found, key=lambda line: (-round(found[line], 1), line))


def prefixes(name):
    path = parts(name)
    return [tuple(path[:depth]) for depth in range(1, len(path) + 1)]


def pattern(name, path, whole):
    text = re.sub(r"[^\w.*]", "?", "".join(path))
    if not name.startswith("_ZN"):
        return f".{text}"
    return f"*._ZN{text}17h*" if whole else f"*._ZN{text}*"


if __name__ == "__main__":
    main()
