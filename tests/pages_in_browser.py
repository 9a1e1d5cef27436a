"""Pages in a real browser: the system's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REQUIRED = os.environ.get("GENGAP_BROWSER") == "required"


def chromium() -> str:
    """The path of the browser; skips the test without one, or fails it where the environment requires one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "there is no Chromium here"
        pytest.fail(message) if REQUIRED else pytest.skip(message)
    if not REQUIRED:
        pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    return str(path)


@contextmanager
def browser() -> Iterator[Any]:
    """A headless browser that may not reach the network."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield instance
        instance.close()


class Watched:
    """A page whose errors and requests to other places than files are noted."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.requests.append(request.url)

    def open(self, path: Path) -> Any:
        self.page.goto(path.as_uri())
        return self.page
