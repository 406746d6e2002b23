"""Drives the release binary with the official OpenAI clients.

    python3 tests/sdk/run.py --binary target/release/openai-api-route --python VENV/bin/python --node-modules DIR
    python3 tests/sdk/run.py --direct …      the clients speak to the fake server itself: checks the checks

For each client: a fake OpenAI server, gateways with a database of their own that know it as their only upstream,
then `test_python.py` or `test_node.mjs`, told by environment variables where everything is. Both print TAP;
the last line here counts both. Only 127.0.0.1 is spoken to; whatever is started is ended, by its process id.
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import fake_openai

HERE = pathlib.Path(__file__).resolve().parent
CLIENT_KEY = "ck-sdk-caller-0123456789"
ADMIN_PASSWORD = "sdk-admin-password"
START_S = 20
STOP_S = 15
SUITE_S = 240

# One gateway for what goes well, and one for each kind of blame: an upstream that was blamed in one test would
# otherwise be cooling down, or out, in the next.
GATEWAYS = ("GOOD", "BLAMED", "REFUSED")


def clean_environment():
    """The environment without what would lead elsewhere: proxies, notices to people, settings of another gateway."""
    foreign = re.compile(r"OPENAI_|FEISHU_|MATRIX_|.*_PROXY$", re.IGNORECASE)
    return {name: value for name, value in os.environ.items() if not foreign.match(name)}


class NoStart(Exception):
    """A gateway that could not be brought up; says why."""


class Gateway:
    """A running release binary with a database of its own, and everything it printed."""

    def __init__(self, binary, folder, endpoint):
        self.printed = []
        self.base = None
        self.listening = threading.Event()
        command = [binary, "-database", str(folder / "db.sqlite")]
        env = clean_environment()
        env["OPENAI_API_ROUTE_CLIENT_KEY"] = CLIENT_KEY
        env["OPENAI_API_ROUTE_ADMIN_PASSWORD"] = ADMIN_PASSWORD
        self.process = subprocess.Popen(
            [*command, "-addr", "127.0.0.1:0"],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        try:
            self.listening.wait(START_S)
            if not self.base:
                raise NoStart(f"the gateway does not listen:\n{self.tail()}")
            add = [*command, "-add", "-sk", fake_openai.UPSTREAM_KEY, "-endpoint", endpoint]
            added = subprocess.run(add, env=env, cwd=folder, capture_output=True, text=True, timeout=START_S)
            self.printed.append(added.stdout + added.stderr)
            if added.returncode != 0:
                raise NoStart(f"-add ended with {added.returncode}:\n{self.tail()}")
            self.wait_for_upstream()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def read(self):
        for line in self.process.stdout:
            self.printed.append(line)
            if found := re.search(r"listening on (http://127\.0\.0\.1:\d+)", line):
                self.base = found.group(1)
                self.listening.set()
        self.listening.set()

    def wait_for_upstream(self):
        """The running gateway learns of the new upstream by itself."""
        asked = urllib.request.Request(f"{self.base}/v1/models", headers={"Authorization": f"Bearer {CLIENT_KEY}"})
        straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        last = None
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                straight.open(asked, timeout=5).read()
                return
            except urllib.error.HTTPError as refused:
                last = f"{refused.code} {refused.read().decode(errors='replace')}"
            except OSError as failed:
                last = failed
            time.sleep(0.05)
        raise NoStart(f"the added upstream does not answer: {last}\n{self.tail()}")

    def tail(self):
        return "".join(self.printed)[-6000:]

    def stop(self):
        """Ends it as an operator would; returns what was wrong with its end, if anything was."""
        complaints = []
        if self.process.poll() is not None:
            complaints.append(f"it had ended by itself with {self.process.returncode}")
        else:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
                if self.process.returncode != 0:
                    complaints.append(f"after SIGTERM it ended with {self.process.returncode}")
            except subprocess.TimeoutExpired:
                complaints.append(f"{STOP_S} s after SIGTERM it was still running")
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        printed = "".join(self.printed)
        if fake_openai.UPSTREAM_KEY in printed:
            complaints.append("it printed the upstream's key")
        if "panicked" in printed:
            complaints.append("it panicked")
        return complaints


class Count:
    """Test points of all suites."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def point(self, line):
        if line.startswith("ok "):
            self.passed += 1
        elif line.startswith("not ok "):
            self.failed += 1

    def check(self, name, complaints):
        line = f"{'not ok' if complaints else 'ok'} - {name}"
        print(line, *complaints, sep="\n    ", flush=True)
        self.point(line)


def run_suite(name, command, env, count):
    """Runs one client's tests, shows their lines and counts them; True when all passed."""
    failed_before = count.failed
    suite = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, errors="replace")
    watchdog = threading.Timer(SUITE_S, suite.kill)
    watchdog.start()
    in_failure = False
    points = 0
    for line in suite.stdout:
        if line.startswith(("ok ", "not ok ")):
            in_failure = line.startswith("not ok ")
            count.point(line)
            points += 1
            print(line, end="", flush=True)
        elif in_failure and line.startswith(" "):
            print(line, end="", flush=True)
    suite.wait()
    watchdog.cancel()
    if points == 0 or (suite.returncode != 0 and count.failed == failed_before):
        count.check(f"the {name} tests run to their end", [f"exit code {suite.returncode} after {points} points"])
    return count.failed == failed_before


def drive(name, command, options, count):
    """One client against servers of its own."""
    print(f"# {name}", flush=True)
    fake = fake_openai.start()
    fake_base = f"http://127.0.0.1:{fake.server_port}"
    env = clean_environment()
    env |= {"SDK_FAKE": fake_base, "SDK_UPSTREAM_KEY": fake_openai.UPSTREAM_KEY, "SDK_ADMIN_PASSWORD": ADMIN_PASSWORD}
    env |= {"SDK_CLIENT_KEY": fake_openai.UPSTREAM_KEY if options.direct else CLIENT_KEY}
    env |= {"SDK_DIRECT": "1"} if options.direct else {}
    gateways = []
    with tempfile.TemporaryDirectory(prefix="openai-api-route-sdk-") as folder:
        try:
            for which in GATEWAYS:
                if options.direct:
                    env[f"SDK_{which}"] = fake_base
                    continue
                home = pathlib.Path(folder, which.lower())
                home.mkdir()
                gateway = Gateway(str(pathlib.Path(options.binary).resolve()), home, f"{fake_base}/v1")
                gateways.append((which.lower(), gateway))
                env[f"SDK_{which}"] = gateway.base
            if not run_suite(name, command, env, count):
                for which, gateway in gateways:
                    print(f"# what the {which} gateway printed:\n{gateway.tail()}", flush=True)
        except NoStart as why:
            count.check(f"the gateways for the {name} client start", str(why).splitlines())
        finally:
            endings = [(which, gateway.stop()) for which, gateway in gateways]
            fake.shutdown()
        for which, complaints in endings:
            count.check(f"the {name} client's {which} gateway ends cleanly on SIGTERM", complaints)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="target/release/openai-api-route")
    parser.add_argument("--python", help="a Python that has the package `openai`")
    parser.add_argument("--node-modules", help="the folder that has the Node package `openai`")
    parser.add_argument("--direct", action="store_true", help="no gateway: the clients speak to the fake server")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    count = Count()
    if options.python:
        drive("Python", [options.python, "-Wignore::DeprecationWarning", str(HERE / "test_python.py")], options, count)
    if options.node_modules:
        os.environ["SDK_NODE_MODULES"] = str(pathlib.Path(options.node_modules).resolve())
        drive("Node", ["node", "--test-reporter=tap", str(HERE / "test_node.mjs")], options, count)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
