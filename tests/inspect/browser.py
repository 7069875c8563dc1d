"""A headless browser, driven by the DevTools protocol over two pipes; only the standard library."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-default-browser-check", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60.0


def found():
    """The browser's program; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A browser with one page. Its requests are in `requests`, errors of the page in `errors`."""

    def __init__(self, width=1440, height=900):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={self.folder}", f"--window-size={width},{height}"]
        command = f'exec "$0" "$@" 3<&{read} 4>&{write}'
        self.process = subprocess.Popen(
            ["bash", "-c", command, found(), *flags, "about:blank"], pass_fds=(read, write),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read)
        os.close(write)
        self._numbers = itertools.count(1)
        self._text = b""
        self._answers = {}
        self.requests, self.errors = [], []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        answer = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = answer["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def call(self, method, **params):
        """The answer to a command."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while number not in self._answers:
            self._receive(end)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _receive(self, end):
        ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
        assert ready, "the browser does not answer"
        part = os.read(self._read, 1 << 20)
        assert part, "the browser has ended"
        *messages, self._text = (self._text + part).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
                continue
            params = message.get("params", {})
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            if message["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                what = details.get("exception", {}).get("description", details["text"])
                self.errors.append(f"{what} at line {details.get('lineNumber')}")

    def resize(self, width, height):
        """Set the size of the page."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def colours(self, scheme):
        """Prefer light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def open(self, path):
        """Open a file; gives the seconds until its page says that it is ready."""
        began = time.monotonic()
        self.call("Page.navigate", url=f"file://{path}")
        self.until("document.body && document.body.dataset.ready === 'yes'")
        return time.monotonic() - began

    def run(self, code):
        """The value of an expression of JavaScript in the page; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True,
                           awaitPromise=True)  # fmt: skip
        details = answer.get("exceptionDetails")
        assert details is None, details
        return answer["result"].get("value")

    def until(self, code, patience=PATIENCE):
        """Wait until an expression is true."""
        end = time.monotonic() + patience
        while not self.run(code):
            assert time.monotonic() < end, f"never true: {code}; {self.errors}"
            time.sleep(0.02)

    def settle(self):
        """Wait until the page has drawn what it was told to."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def click(self, x, y, count=1):
        """Click at a place."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for n in range(1, count + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                          clickCount=n)  # fmt: skip
        self.settle()

    def press(self, key, text=None):
        """Press a key."""
        more = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def picture(self, path=None):
        """A screenshot as PNG, also written to a file."""
        self.settle()
        png = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path:
            with open(path, "wb") as file:
                file.write(png)
        return png

    def close(self):
        """End the browser and remove its folder."""
        with contextlib.suppress(Exception):
            self.session = None
            self.call("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self.folder, ignore_errors=True)
